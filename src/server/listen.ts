import { createServer, type Server } from 'node:http';
import { type AddressInfo, isIP } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { ZashikiError } from '../core/errors.ts';

export interface ListenOptions {
  readonly fetch: (request: Request, ...rest: never[]) => Response | Promise<Response>;
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** 0: any free one. */
  readonly port: number;
  /** Whether every changing request needs a token: without it only loopback is allowed. */
  readonly guarded: boolean;
  /** How these are called where the user set them, for messages. */
  readonly names?: { readonly host: string; readonly port: string };
}

export interface Listening {
  readonly host: string;
  readonly port: number;
  /** `http://127.0.0.1:8080`, no slash at the end. */
  readonly url: string;
  /** Take no more, let answers in progress end for `grace` ms (default 1000), then cut what is left. */
  close(grace?: number): Promise<void>;
}

/** True for addresses that only this machine can reach. */
export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, '').toLowerCase();
  return bare === 'localhost' || bare === '::1' || (isIP(bare) === 4 && bare.startsWith('127.'));
}

/** Serve over HTTP. Throws `refused` for an open address without a token, `peer-unavailable` when the port is taken. */
export async function listen(options: ListenOptions): Promise<Listening> {
  const host = options.host ?? '127.0.0.1';
  const names = options.names ?? { host: '--host', port: '--port' };
  if (!options.guarded && !isLoopback(host)) {
    throw new ZashikiError('refused', `${names.host} ${host}: others could reach this, and no token is set`, {
      hint: 'set ZASHIKI_TOKEN, or listen on 127.0.0.1',
    });
  }
  const server = createServer(getRequestListener(options.fetch as (request: Request) => Promise<Response>));
  server.requestTimeout = 30_000;
  server.headersTimeout = 10_000;
  await bound(server, host.replace(/^\[|\]$/g, ''), options.port, names);
  const { port } = server.address() as AddressInfo;
  return {
    host,
    port,
    url: `http://${host.includes(':') && !host.startsWith('[') ? `[${host}]` : host}:${port}`,
    close: (grace = 1000) =>
      new Promise((resolve) => {
        const cut = setTimeout(() => server.closeAllConnections(), grace);
        server.close(() => {
          clearTimeout(cut);
          resolve();
        });
        server.closeIdleConnections();
      }),
  };
}

function bound(server: Server, host: string, port: number, names: { host: string; port: string }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const [message, hint] =
        error.code === 'EADDRINUSE'
          ? [`${names.port} ${port}: ${host}:${port} is already in use`, `choose another ${names.port}`]
          : error.code === 'EACCES'
            ? [`${names.port} ${port}: not allowed for this user`, 'choose a port above 1023']
            : [`${names.host} ${host}: cannot listen there (${error.code})`, 'give an address of this machine'];
      reject(new ZashikiError('peer-unavailable', message, { hint, cause: error }));
    });
    server.listen(port, host, () => resolve());
  });
}
