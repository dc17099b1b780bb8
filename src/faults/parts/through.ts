import { connect } from 'node:net';

/** What became of one connection. Times in ms since it began. */
export interface Passage {
  readonly connected: boolean;
  readonly bytes: number;
  /** When the first byte came; null: none did. */
  readonly first: number | null;
  readonly last: number | null;
  /** When it was over; null: it was still open at the end of our patience. */
  readonly over: number | null;
  readonly reset: boolean;
}

export interface PassageOptions {
  /** Sent once connected; absent: nothing is sent. */
  readonly send?: string | undefined;
  /** We end our direction at once and wait for the other to end. */
  readonly hangUp?: boolean;
  /** Look no longer than this, in ms. */
  readonly patience: number;
  /** After the first byte, wait so long for more. Default 50 ms. */
  readonly rest?: number;
  readonly signal: AbortSignal;
}

/** Connect to `host:port`, say something, and see what comes back. Null for an address that is no TCP one. */
export function passThrough(address: string, options: PassageOptions): Promise<Passage | null> {
  const match = /^(?:\[([^\]]+)\]|([^:/]+)):(\d+)$/.exec(address);
  if (!match) return Promise.resolve(null);
  const given = match[1] ?? match[2] ?? '';
  // Every address is also this machine's own; from another one it cannot be told.
  const host = given === '::' || given === '0.0.0.0' ? '127.0.0.1' : given;
  const { send, hangUp = false, patience, rest = 50, signal } = options;
  return new Promise((resolve) => {
    const began = performance.now();
    const since = () => performance.now() - began;
    const seen = {
      connected: false,
      bytes: 0,
      first: null as number | null,
      last: null as number | null,
      reset: false,
    };
    const socket = connect({ host, port: Number(match[3]), noDelay: true, allowHalfOpen: hangUp });
    let timer = setTimeout(() => end(null), patience);
    const abort = () => end(null);
    function end(over: number | null): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      socket.destroy();
      resolve({ ...seen, over });
    }
    signal.addEventListener('abort', abort);
    socket.on('connect', () => {
      seen.connected = true;
      if (send !== undefined) socket.write(send);
      if (hangUp) socket.end();
    });
    socket.on('data', (chunk) => {
      seen.bytes += chunk.length;
      seen.last = since();
      seen.first ??= seen.last;
      if (hangUp) return;
      clearTimeout(timer);
      timer = setTimeout(() => end(null), Math.min(rest, Math.max(0, patience - since())));
    });
    socket.on('end', () => end(since()));
    socket.on('close', () => end(since()));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      seen.reset = error.code === 'ECONNRESET';
      end(since());
    });
  });
}
