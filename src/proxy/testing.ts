import { spawn } from 'node:child_process';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { openProxyClient, type ProxyAnswer, type ProxyClient, type ToxicAnswer } from './client.ts';
import { openProxyServer, type ProxyServerOptions } from './server.ts';

/** Ended with the test. */
export async function startServer(options: ProxyServerOptions = {}): Promise<ProxyClient> {
  const server = await openProxyServer({ port: 0, seed: 1, ...options });
  onTestFinished(() => server.close());
  return openProxyClient({ url: server.url });
}

/** A TCP server on loopback, ended with the test; resolves to `host:port`. */
export async function upstream(serve: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server: Server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => sockets.delete(socket));
    serve(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no address');
  return `127.0.0.1:${address.port}`;
}

/** Says back what it hears, and ends when the other side does. */
export const echo = () => upstream((socket) => socket.pipe(socket));

const frozenListener = `
const server = require('node:net').createServer();
server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => console.log(server.address().port));
`;

/** An address on loopback that takes no connection and refuses none: its queue is full, and its process is stopped. */
export async function blackHole(): Promise<string> {
  const child = spawn(process.execPath, ['-e', frozenListener], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const port = await new Promise<number>((resolve) => child.stdout.once('data', (text) => resolve(Number(text))));
  child.kill('SIGSTOP');
  for (let connected = true; connected; ) {
    const socket = connect({ host: '127.0.0.1', port });
    socket.on('error', () => {});
    onTestFinished(() => void socket.destroy());
    connected = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true));
      setTimeout(() => resolve(false), 500);
    });
  }
  return `127.0.0.1:${port}`;
}

/** A client that keeps what comes and tells how it ended. */
export interface Caller {
  readonly socket: Socket;
  text(): string;
  bytes(): number;
  /** When bytes came, in ms of `performance.now`. */
  readonly arrivals: readonly { readonly at: number; readonly bytes: number }[];
  /** Resolves when so many bytes have come. */
  received(bytes: number): Promise<void>;
  /** `ECONNRESET`, `end` … */
  ended(): Promise<string>;
}

export async function call(address: string, allowHalfOpen = false): Promise<Caller> {
  const port = Number(address.slice(address.lastIndexOf(':') + 1));
  const where = address.startsWith('unix:') ? { path: address.slice(5) } : { host: '127.0.0.1', port };
  const socket = connect({ ...where, noDelay: true, allowHalfOpen });
  onTestFinished(() => void socket.destroy());
  const parts: Buffer[] = [];
  const arrivals: { at: number; bytes: number }[] = [];
  let wake = () => {};
  const changed = () =>
    new Promise<void>((resolve) => {
      const before = wake;
      wake = () => {
        before();
        resolve();
      };
    });
  const tell = () => {
    const now = wake;
    wake = () => {};
    now();
  };
  let how: string | undefined;
  const bytes = () => parts.reduce((sum, part) => sum + part.length, 0);
  socket.on('data', (part) => {
    parts.push(part);
    arrivals.push({ at: performance.now(), bytes: part.length });
    tell();
  });
  socket.on('end', () => {
    how ??= 'end';
    tell();
  });
  socket.on('error', (error: NodeJS.ErrnoException) => {
    how ??= error.code ?? error.message;
    tell();
  });
  socket.on('close', () => {
    how ??= 'close';
    tell();
  });
  await new Promise<void>((resolve) => {
    socket.once('connect', resolve);
    socket.once('close', () => resolve());
  });
  return {
    socket,
    ...{ arrivals, bytes },
    text: () => Buffer.concat(parts).toString('latin1'),
    async received(count) {
      while (bytes() < count) {
        if (how !== undefined) throw new Error(`${how} after ${bytes()} of ${count} bytes`);
        await changed();
      }
    },
    async ended() {
      while (how === undefined) await changed();
      return how;
    },
  };
}

/** A proxy before `to`, on any free port. */
export const proxyTo = (client: ProxyClient, to: string, more: object = {}): Promise<ProxyAnswer> =>
  client.call<ProxyAnswer>('POST', ['proxies'], { name: 'p', listen: '127.0.0.1:0', upstream: to, ...more });

/** A toxic on the proxy `p`. */
export const toxic = (client: ProxyClient, type: string, attributes: object = {}, more: object = {}) =>
  client.call<ToxicAnswer>('POST', ['proxies', 'p', 'toxics'], { type, attributes, ...more });

/** Take a toxic off the proxy `p`. */
export const untoxic = (client: ProxyClient, name: string) =>
  client.call<void>('DELETE', ['proxies', 'p', 'toxics', name]);

/** Until it is so; fails the test when it never is. */
export async function eventually(check: () => boolean | Promise<boolean>, what = 'it'): Promise<void> {
  const end = performance.now() + 20_000;
  while (!(await check())) {
    if (performance.now() > end) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

export const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
