import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { type Address, bindProblem, parseAddress } from './address.ts';
import type { Link } from './link.ts';
import type { Listener, ListenerOptions } from './listener.ts';
import type { Direction } from './toxic-entry.ts';

/** Without a datagram for so long, a client's session is forgotten. */
const idle = 60_000;
/** More clients than this at a time: the one that was quiet longest is forgotten. */
const most = 4096;

interface Session {
  readonly links: Readonly<Record<Direction, Link>>;
  heard: number;
  end(): void;
}

/** Listen on UDP. Each client address is a session with an upstream socket of its own; borders of datagrams are kept. */
export async function listenDatagrams(address: Address, options: ListenerOptions): Promise<Listener> {
  if (address.kind !== 'udp') throw new Error('not a UDP address');
  const { meter } = options;
  const server = createSocket(isIP(address.host) === 6 ? 'udp6' : 'udp4');
  const sessions = new Map<string, Session>();

  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(bindProblem(address, error)));
    server.bind(address.port, address.host, () => resolve());
  });
  server.removeAllListeners('error');
  server.on('error', () => {});
  server.on('message', (data, from) => {
    const key = `${from.address} ${from.port}`;
    const session = sessions.get(key) ?? start(key, from);
    session.heard = Date.now();
    // The newest stands last, so that the first is the one that was quiet longest.
    sessions.delete(key);
    sessions.set(key, session);
    session.links.upstream.push(data);
  });
  const tidy = setInterval(() => {
    const before = Date.now() - idle;
    for (const [key, session] of sessions) {
      if (session.heard >= before) break;
      session.end();
      sessions.delete(key);
    }
  }, idle / 4);
  tidy.unref();

  function start(key: string, from: RemoteInfo): Session {
    if (sessions.size >= most) {
      const [oldest, session] = sessions.entries().next().value ?? [];
      session?.end();
      if (oldest) sessions.delete(oldest);
    }
    meter.connections++;
    meter.open++;
    const links = options.session(options.nextNumber());
    const upstream = openUpstream(options.route().upstream);
    let ended = false;
    const end = () => {
      if (ended) return;
      ended = true;
      meter.open--;
      made.upstream.dispose();
      made.downstream.dispose();
      links.over();
      upstream.close();
    };
    const source = { pause() {}, resume() {} };
    // After a toxic has cut it off, what this client sends is lost until the session is forgotten.
    const finish = () => {};
    const made = {
      upstream: links.make('upstream', { source, sink: { write: (data) => upstream.send(data), finish } }),
      downstream: links.make('downstream', {
        source,
        sink: {
          write(data) {
            server.send(data, from.port, from.address, () => {});
            return true;
          },
          finish,
        },
      }),
    };
    upstream.onMessage((data) => {
      const session = sessions.get(key);
      if (session) session.heard = Date.now();
      made.downstream.push(data);
    });
    links.begin(made);
    return { links: made, heard: Date.now(), end };
  }

  /** A socket connected to the upstream; what is sent before the name was looked up waits, within bounds. */
  function openUpstream(text: string) {
    const to = parseAddress(text, 'dial udp: ');
    const waiting: Uint8Array[] = [];
    let socket: Socket | undefined;
    let closed = false;
    let listener: (data: Uint8Array) => void = () => {};
    const ready = async () => {
      if (to.kind === 'unix') throw new Error('UDP cannot go to a Unix socket');
      const { address: host, family } = isIP(to.host)
        ? { address: to.host, family: isIP(to.host) }
        : await lookup(to.host || 'localhost');
      const made = createSocket(family === 6 ? 'udp6' : 'udp4');
      // An upstream that refuses answers with ICMP; the next datagram may be taken again.
      made.on('error', () => {
        meter.dialErrors++;
      });
      made.on('message', (data) => listener(data));
      made.connect(to.port, host, () => {
        if (closed) return made.close();
        socket = made;
        for (const data of waiting.splice(0)) made.send(data, () => {});
      });
    };
    ready().catch(() => {
      meter.dialErrors++;
    });
    return {
      send(data: Uint8Array): boolean {
        if (closed) return true;
        if (socket) socket.send(data, () => {});
        else if (waiting.length < 64) waiting.push(data);
        return true;
      },
      onMessage(next: (data: Uint8Array) => void) {
        listener = next;
      },
      close() {
        closed = true;
        socket?.close();
        socket = undefined;
      },
    };
  }

  const { address: host, port } = server.address();
  return {
    address: { kind: 'udp', host, port },
    async close() {
      clearInterval(tidy);
      for (const session of sessions.values()) session.end();
      sessions.clear();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
