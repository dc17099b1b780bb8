import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, isIP } from 'node:net';
import { ZashikiError } from '../core/errors.ts';
import { type Answer, createApi, plainError } from './api.ts';
import { createCollection } from './collection.ts';
import { type MetricsOptions, metricsText } from './metrics.ts';
import type { ProxySettings } from './proxy.ts';
import { readProxies } from './requests.ts';

export interface ProxyServerOptions extends Partial<ProxySettings> {
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default 8474; 0: any free one. */
  readonly port?: number;
  /** What is created at the start: the text of a file as `POST /populate` takes it. */
  readonly config?: string;
  readonly metrics?: MetricsOptions;
  /** Whether a request is let in; null: yes. Default: nobody with a browser's user agent, as Toxiproxy. */
  readonly refuse?: (header: (name: string) => string | undefined) => Refusal | null;
}

export interface Refusal {
  readonly status: number;
  readonly message: string;
}

/** A running server. */
export interface ProxyServer {
  /** `http://127.0.0.1:8474` */
  readonly url: string;
  readonly seed: number;
  /** Names of the proxies that the config made. */
  readonly populated: readonly string[];
  close(): Promise<void>;
}

/** The version of Toxiproxy whose API this is. */
export const apiVersion = '2.12.0';
const largestBody = 8 * 1024 * 1024;
const readTimeout = 15_000;

/** Start the API and the proxies of its config. Throws `peer-unavailable` when the port is taken. */
export async function openProxyServer(options: ProxyServerOptions = {}): Promise<ProxyServer> {
  const settings: ProxySettings = {
    seed: options.seed ?? randomBytes(4).readUInt32BE() >>> 1,
    wire: options.wire ?? 'fast',
    dialTimeout: options.dialTimeout ?? 30_000,
    ttl: options.ttl ?? null,
    log: options.log ?? (() => {}),
  };
  const collection = createCollection(settings);
  const { metrics } = options;
  const api = createApi({
    collection,
    version: apiVersion,
    metrics: metrics && (metrics.proxy || metrics.runtime) ? () => metricsText(collection, metrics) : undefined,
  });
  const refuse = options.refuse ?? browsersOut;

  async function answer(request: IncomingMessage): Promise<Answer> {
    const refused = refuse((name) => {
      const value = request.headers[name];
      return Array.isArray(value) ? value[0] : value;
    });
    if (refused) return plainError(refused.message, refused.status);
    const body = await bodyOf(request);
    if (body === null) return plainError('request body too large', 413);
    return await api(request.method ?? 'GET', (request.url ?? '/').replace(/[?#].*$/, ''), body);
  }

  const server = createServer((request, response) => {
    answer(request).then(
      (found) => send(response, found),
      () => response.destroy(),
    );
  });
  server.requestTimeout = readTimeout;
  server.headersTimeout = readTimeout;

  const host = (options.host ?? '127.0.0.1').replace(/^\[|\]$/g, '');
  await listen(server, host, options.port ?? 8474);
  const populated: string[] = [];
  try {
    for (const { name, listen: at, upstream, enabled = true, ttl, sni } of options.config
      ? readProxies(options.config)
      : []) {
      await collection.addOrReplace(name, { listen: at ?? '', upstream, enabled, ttl, sni });
      populated.push(name);
    }
  } catch (error) {
    server.close();
    await collection.close();
    throw new ZashikiError('document-invalid', `the proxies of the config: ${(error as Error).message}`, {
      cause: error,
    });
  }
  return {
    url: `http://${isIP(host) === 6 ? `[${host}]` : host}:${(server.address() as AddressInfo).port}`,
    seed: settings.seed,
    populated,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await collection.close();
      await closed;
    },
  };
}

/** As Toxiproxy: pages in a browser may not drive it. */
export const browsersOut = (header: (name: string) => string | undefined): Refusal | null =>
  (header('user-agent') ?? '').startsWith('Mozilla/') ? { status: 403, message: 'User agent not allowed' } : null;

function send(response: ServerResponse, { status, headers, body }: Answer): void {
  const own = { 'X-Toxiproxy-Request-Id': requestId(), Server: 'zashiki' };
  const length = body === undefined && status === 204 ? {} : { 'Content-Length': Buffer.byteLength(body ?? '') };
  response.writeHead(status, { ...own, ...headers, ...length });
  response.end(body);
}

/** 20 characters of base32hex, as Toxiproxy's ids look. */
function requestId(): string {
  const bytes = BigInt(`0x${randomBytes(13).toString('hex')}`) >> 4n;
  return bytes.toString(32).padStart(20, '0').slice(-20);
}

async function bodyOf(request: IncomingMessage): Promise<string | null> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > largestBody) return null;
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

function listen(server: ReturnType<typeof createServer>, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const taken = error.code === 'EADDRINUSE';
      const message = taken ? `--port ${port}: ${host}:${port} is already in use` : `${host}:${port}: ${error.message}`;
      const hint = taken ? 'choose another --port, or stop what listens there' : 'give an address of this machine';
      reject(new ZashikiError('peer-unavailable', message, { hint, cause: error }));
    });
    server.listen(port, host, () => resolve());
  });
}
