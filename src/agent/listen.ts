import { chmodSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { createServer as createSecureServer, type Server as SecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { join } from 'node:path';
import { getRequestListener } from '@hono/node-server';
import type { Hono } from 'hono';
import { ZashikiError } from '../core/errors.ts';
import { isLoopback } from '../server/listen.ts';

/** `unix:/run/zashiki/agent.sock`, or an address and a port. */
export type ListenAddress = { readonly unix: string } | { readonly host: string; readonly port: number };

export interface AgentListening {
  readonly url: string;
  /** Read the certificates anew, when their files have changed. */
  renew(): void;
  close(): Promise<void>;
}

/** Throws `usage` for what is neither `HOST:PORT` nor `unix:/PATH`. */
export function readAddress(text: string): ListenAddress {
  if (text.startsWith('unix:/')) return { unix: text.slice(5) };
  const [, host = '', port = ''] = /^(?:\[?([^\]/]*)\]?:)(\d{1,5})$/.exec(text) ?? [];
  if (host !== '' && Number(port) <= 65_535) return { host, port: Number(port) };
  throw new ZashikiError('usage', `--listen "${text}" is neither HOST:PORT nor unix:/PATH`, {
    hint: 'for example --listen 0.0.0.0:7475 or --listen unix:/run/zashiki/agent.sock',
  });
}

/**
 * Serve an agent's API. Beyond loopback only with TLS: throws `refused` otherwise, `peer-unavailable` when the address
 * is taken, `file-unreadable` for a certificate that is not there.
 */
export async function listenAgent(
  address: ListenAddress,
  appFor: (unix: boolean) => Hono<{ Bindings: { incoming: IncomingMessage } } & never>,
  tlsFolder: string | undefined,
): Promise<AgentListening> {
  const unix = 'unix' in address;
  if (!unix && tlsFolder === undefined && !isLoopback(address.host)) {
    throw new ZashikiError('refused', `--listen ${address.host}: others could reach this, and there is no TLS`, {
      hint: 'give --tls-dir (make one: zashiki agent certs DIR), or listen on 127.0.0.1',
    });
  }
  const listener = getRequestListener(appFor(unix).fetch as never);
  const secure = unix || tlsFolder === undefined ? undefined : tlsFolder;
  const server: Server | SecureServer =
    secure === undefined
      ? createServer(listener as never)
      : // Who has no certificate may still have a token, or ask for /healthz: what is let in is decided per request.
        createSecureServer(
          { ...certificates(secure), requestCert: true, rejectUnauthorized: false, minVersion: 'TLSv1.2' },
          listener as never,
        );
  server.requestTimeout = 60_000;
  server.headersTimeout = 10_000;
  if (unix) await freeSocket(address.unix);
  await bound(server, address);
  if (unix) chmodSync(address.unix, 0o600);
  let seen = secure === undefined ? '' : stamp(secure);
  return {
    url: urlOf(server, address, secure !== undefined),
    renew() {
      if (secure === undefined || stamp(secure) === seen) return;
      (server as SecureServer).setSecureContext(certificates(secure));
      seen = stamp(secure);
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const names = { ca: 'ca.crt', cert: 'server.crt', key: 'server.key' } as const;

function certificates(folder: string): { readonly ca: Buffer; readonly cert: Buffer; readonly key: Buffer } {
  const read = (name: string) => {
    try {
      return readFileSync(join(folder, name));
    } catch (cause) {
      throw new ZashikiError('file-unreadable', `--tls-dir: cannot read ${join(folder, name)}`, {
        hint: 'make certificates: zashiki agent certs DIR',
        cause,
      });
    }
  };
  return { ca: read(names.ca), cert: read(names.cert), key: read(names.key) };
}

const stamp = (folder: string): string =>
  Object.values(names)
    .map((name) => statSync(join(folder, name), { throwIfNoEntry: false }))
    .map((stat) => `${stat?.ino}:${stat?.mtimeMs}`)
    .join(' ');

/** A socket that nobody listens on any more is in the way. */
async function freeSocket(path: string): Promise<void> {
  const lives = await new Promise<boolean>((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
  if (!lives) rmSync(path, { force: true });
}

function bound(server: Server | SecureServer, address: ListenAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const where = 'unix' in address ? address.unix : `${address.host}:${address.port}`;
      reject(
        new ZashikiError('peer-unavailable', `--listen: cannot listen on ${where} (${cause.code})`, {
          hint: 'is another agent running?',
          cause,
        }),
      );
    });
    const done = () => resolve();
    if (!('unix' in address)) return void server.listen(address.port, address.host, done);
    // Nobody else may open it, not even for a moment.
    const before = process.umask(0o177);
    server.listen(address.unix, done);
    process.umask(before);
  });
}

function urlOf(server: Server | SecureServer, address: ListenAddress, secure: boolean): string {
  if ('unix' in address) return `unix:${address.unix}`;
  const { port } = server.address() as AddressInfo;
  const host = address.host.includes(':') ? `[${address.host}]` : address.host;
  return `${secure ? 'https' : 'http'}://${host}:${port}`;
}
