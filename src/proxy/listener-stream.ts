import { lstat, unlink } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { type Address, bindProblem, parseAddress } from './address.ts';
import { type Connection, dial, join } from './connection.ts';
import type { Listener, ListenerOptions } from './listener.ts';
import { readServerName, upstreamFor } from './sni.ts';

/** Listen on TCP or a Unix socket. Clients are accepted at once; each one's upstream is dialled on its own. */
export async function listenStream(address: Address, options: ListenerOptions): Promise<Listener> {
  const { meter, session } = options;
  const stopped = new AbortController();
  const clients = new Set<Socket>();
  const open = new Set<Connection>();

  const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, (client) => {
    void serve(client);
  });

  async function serve(client: Socket): Promise<void> {
    clients.add(client);
    // Before the links are there, nobody else listens for its errors.
    const early = () => {};
    client.on('error', early);
    client.once('close', () => clients.delete(client));
    meter.connections++;
    const number = options.nextNumber();
    try {
      const { sni, upstream } = options.route();
      const name = sni ? await readServerName(client, stopped.signal) : undefined;
      const to = sni ? upstreamFor(name, sni, upstream) : upstream;
      const socket = await dial(parseAddress(to, 'dial tcp: '), options.dialTimeout, stopped.signal);
      if (client.destroyed || stopped.signal.aborted) {
        socket.destroy();
        client.destroy();
        return;
      }
      clients.delete(client);
      meter.open++;
      // What was read to find the name waits in the stream.
      const links = session(number);
      const connection = join(client, socket, sni ? 'plain' : options.wire, links.make, () => {
        meter.open--;
        open.delete(connection);
        links.over();
      });
      open.add(connection);
      links.begin(connection.links);
    } catch {
      if (!stopped.signal.aborted) meter.dialErrors++;
      client.destroy();
    }
  }

  await bind(server, address);
  server.on('error', () => {});
  const at = server.address();
  return {
    address: bound(address, at),
    async close() {
      stopped.abort();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const client of clients) client.destroy();
      for (const connection of open) connection.close();
      await closed;
    },
  };
}

const bound = (address: Address, at: string | AddressInfo | null): Address =>
  address.kind === 'unix' || typeof at === 'string' || at === null
    ? address
    : { ...address, host: at.address, port: at.port };

async function bind(server: ReturnType<typeof createServer>, address: Address): Promise<void> {
  const attempt = (options: { path: string } | { host: string; port: number }) =>
    new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ ...options, backlog: 4096 }, () => {
        server.off('error', reject);
        resolve();
      });
    });
  try {
    if (address.kind === 'unix') {
      await attempt({ path: address.path }).catch(async (error: NodeJS.ErrnoException) => {
        if (error.code !== 'EADDRINUSE' || !(await isOurSocket(address.path)) || (await answers(address.path)))
          throw error;
        // Left behind by a process that was killed.
        await unlink(address.path);
        await attempt({ path: address.path });
      });
      return;
    }
    const { host, port } = address;
    await attempt({ host, port }).catch(async (error: NodeJS.ErrnoException) => {
      if (host !== '::' || error.code !== 'EAFNOSUPPORT') throw error;
      await attempt({ host: '0.0.0.0', port });
    });
  } catch (error) {
    throw bindProblem(address, error as NodeJS.ErrnoException);
  }
}

/** Whatever else stands at that path is never removed. */
async function isOurSocket(path: string): Promise<boolean> {
  const stat = await lstat(path).catch(() => undefined);
  return stat?.isSocket() === true && stat.uid === process.geteuid?.();
}

/** True unless it is certain that nobody listens there. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code !== 'ECONNREFUSED'));
  });
}
