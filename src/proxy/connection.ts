import type { Socket } from 'node:net';
import { connect } from 'node:net';
import type { Address } from './address.ts';
import type { Ending } from './channel.ts';
import type { createLink, Link } from './link.ts';
import { openWire } from './open-wire.ts';
import type { Direction } from './toxic-entry.ts';
import type { Wire, WireKind } from './wire.ts';

/** A client, the upstream, and the two links between them. */
export interface Connection {
  readonly links: Readonly<Record<Direction, Link>>;
  /** End both sides now. */
  close(): void;
}

/** What a connection needs to know of its proxy. */
export type LinkMaker = (direction: Direction, ends: Pick<Parameters<typeof createLink>[0], 'source' | 'sink'>) => Link;

/** How long the last bytes may take to a side that is cut off. */
const grace = 200;

/**
 * Join two connected sockets. Each direction ends by itself (half-close); RST goes on as RST; `closed` is called when
 * both sides are gone.
 */
export function join(
  client: Socket,
  upstream: Socket,
  kind: WireKind,
  make: LinkMaker,
  closed: () => void,
): Connection {
  const wires = { client: openWire(client, kind), upstream: openWire(upstream, kind) };
  const finished = { upstream: false, downstream: false };
  let open = 2;
  let cutting: NodeJS.Timeout | undefined;

  const destroy = () => {
    wires.client.destroy();
    wires.upstream.destroy();
  };

  /** What the sink of a direction does when its stream is over. */
  const finish = (direction: Direction, from: Wire, to: Wire) => (how: Ending) => {
    finished[direction] = true;
    if (how === 'reset') {
      to.reset();
      from.reset();
      return;
    }
    to.end();
    if (how === 'cut') {
      from.destroy();
      cutting ??= setTimeout(destroy, grace);
    } else if (finished.upstream && finished.downstream) destroy();
  };
  const linkOf = (direction: Direction, from: Wire, to: Wire) =>
    make(direction, {
      source: from,
      sink: { write: (chunk, drained) => to.write(chunk, drained), finish: finish(direction, from, to) },
    });
  const links = {
    upstream: linkOf('upstream', wires.client, wires.upstream),
    downstream: linkOf('downstream', wires.upstream, wires.client),
  };

  const read = (wire: Wire, out: Link, back: Link, backward: Direction) =>
    wire.start({
      data: out.push,
      end: () => out.close('end'),
      closed(how) {
        // Nobody takes what comes back any more; what was sent on its way out still arrives.
        back.dispose();
        finished[backward] = true;
        out.close(how === 'reset' ? 'reset' : 'cut');
        if (finished.upstream && finished.downstream) destroy();
        if (--open > 0) return;
        clearTimeout(cutting);
        links.upstream.dispose();
        links.downstream.dispose();
        wires.client.release();
        wires.upstream.release();
        closed();
      },
    });
  read(wires.client, links.upstream, links.downstream, 'downstream');
  read(wires.upstream, links.downstream, links.upstream, 'upstream');
  return { links, close: destroy };
}

/** Connect to the upstream, within `timeout` ms. The socket is paused; the caller has it. */
export function dial(address: Address, timeout: number, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const where = address.kind === 'unix' ? { path: address.path } : { host: address.host, port: address.port };
    const socket = connect({ ...where, noDelay: true, allowHalfOpen: true });
    socket.pause();
    const late = setTimeout(() => fail(new Error(`no connection within ${timeout} ms`)), timeout);
    const abort = () => fail(new Error('the proxy was stopped'));
    const settle = () => {
      clearTimeout(late);
      signal.removeEventListener('abort', abort);
      socket.off('error', fail);
    };
    function fail(error: Error): void {
      settle();
      socket.on('error', () => {});
      socket.destroy();
      reject(error);
    }
    signal.addEventListener('abort', abort);
    socket.once('error', fail);
    socket.once('connect', () => {
      settle();
      resolve(socket);
    });
  });
}
