import { readFileSync } from 'node:fs';
import { Agent } from 'node:https';
import type { Duplex, Readable } from 'node:stream';
import { ZashikiError } from '../../../../core/errors.ts';
import type { Endpoint } from '../../runtime.ts';
import { SshFailure, sshAgent, sshFailed } from './ssh.ts';

/** What goes with a call. */
export interface CallOptions {
  readonly query?: Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;
  readonly body?: unknown;
  readonly signal?: AbortSignal | undefined;
  /** The value of X-Registry-Auth. */
  readonly auth?: string | undefined;
}

/** The engine refused: its own words, and the status code. */
export class Refusal extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.name = 'Refusal';
    this.status = status;
  }
}

/** One engine that speaks Docker's API, in the newest version that both sides know. */
export interface Client {
  readonly endpoint: Endpoint;
  /** The answer as JSON; undefined when it is empty. Throws `Refusal`, and `peer-unavailable` when nobody answers. */
  call<T = unknown>(method: 'GET' | 'POST' | 'DELETE', path: string, options?: CallOptions): Promise<T>;
  /** The answer as a stream. */
  stream(method: 'GET' | 'POST', path: string, options?: CallOptions): Promise<Readable>;
  /** A raw connection in both directions. */
  hijack(path: string, options?: CallOptions): Promise<Duplex>;
  /** Take a stream of the engine apart into what was written to standard output and error. */
  demux(from: Readable, stdout: (chunk: Buffer) => void, stderr: (chunk: Buffer) => void): Promise<void>;
}

/** The newest version of the API that this code was written for: what is newer is asked for in this one. */
const newest = [1, 47] as const;

/** Connect to an engine; the version is negotiated at the first call. */
export async function openClient(endpoint: Endpoint): Promise<Client> {
  const [{ default: Modem }, { Writable }] = await Promise.all([import('docker-modem'), import('node:stream')]);
  const modem = new Modem(modemOptions(endpoint));
  let negotiated: Promise<void> | undefined;

  const dial = (method: string, path: string, options: CallOptions, as: 'json' | 'stream' | 'raw') =>
    new Promise<unknown>((resolve, reject) => {
      const query = Object.fromEntries(Object.entries(options.query ?? {}).filter(([, value]) => value !== undefined));
      modem.dial(
        {
          path: `${path}?`,
          method,
          // An empty query must still be one, or the body would become it.
          options: { _query: { ...query }, _body: options.body ?? {} },
          statusCodes: { 200: true, 201: true, 204: true, 304: true, 101: true },
          abortSignal: options.signal,
          isStream: as !== 'json',
          ...(as === 'raw' ? { hijack: true, openStdin: true } : {}),
          ...(options.auth === undefined ? {} : { authconfig: { base64: options.auth } }),
        },
        (error, answer) => {
          if (!error) return resolve(Buffer.isBuffer(answer) && answer.length === 0 ? undefined : answer);
          if (options.signal?.aborted) return reject(options.signal.reason);
          reject(refusalOf(error) ?? unreachable(endpoint, error));
        },
      );
    });

  const negotiate = async () => {
    const version = await apiVersion(endpoint, dial);
    modem.version = `v${version}`;
  };
  const ready = () => {
    negotiated ??= negotiate().catch((error) => {
      negotiated = undefined;
      throw error;
    });
    return negotiated;
  };

  return {
    endpoint,
    async call<T>(method: string, path: string, options: CallOptions = {}) {
      options.signal?.throwIfAborted();
      await ready();
      return (await dial(method, path, options, 'json')) as T;
    },
    async stream(method, path, options = {}) {
      await ready();
      return (await dial(method, path, options, 'stream')) as Readable;
    },
    async hijack(path, options = {}) {
      await ready();
      return (await dial('POST', path, options, 'raw')) as Duplex;
    },
    demux: (from, stdout, stderr) =>
      new Promise((resolve, reject) => {
        const to = (take: (chunk: Buffer) => void) =>
          new Writable({
            write(chunk, _encoding, done) {
              take(chunk);
              done();
            },
          });
        modem.demuxStream(from, to(stdout), to(stderr));
        from.once('end', resolve).once('close', resolve).once('error', reject);
      }),
  };
}

/** The older of what the engine has and what we know. */
async function apiVersion(
  endpoint: Endpoint,
  dial: (method: string, path: string, options: CallOptions, as: 'stream') => Promise<unknown>,
): Promise<string> {
  const answer = (await dial('GET', '/_ping', {}, 'stream')) as Readable & { headers?: Record<string, string> };
  answer.resume();
  const theirs = answer.headers?.['api-version'];
  if (!theirs || !/^\d+\.\d+$/.test(theirs)) {
    throw new ZashikiError('peer-unavailable', `${endpoint.url} answers, but not as a container engine does`, {
      hint: 'is this really the address of Docker or Podman? See DOCKER_HOST',
    });
  }
  const [major = 1, minor = 0] = theirs.split('.').map(Number);
  return major > newest[0] || (major === newest[0] && minor > newest[1]) ? newest.join('.') : theirs;
}

function modemOptions({ url, tls }: Endpoint) {
  // Given, so that nothing is read from the environment: an undo record has to mean the same engine everywhere.
  const none = { ca: undefined, cert: undefined, key: undefined, protocol: 'http' as const };
  if (url.startsWith('unix://')) return { ...none, socketPath: url.slice('unix://'.length), host: undefined };
  if (url.startsWith('ssh://')) return { ...none, host: 'localhost', port: 80, agent: sshAgent(url) };
  const { hostname, port, protocol } = new URL(url.replace(/^tcp:/, 'http:'));
  const host = hostname.replace(/^\[|\]$/g, '');
  const secure = tls !== undefined || protocol === 'https:';
  if (!secure) return { ...none, host, port: port || 2375 };
  return { protocol: 'https' as const, host, port: port || 2376, agent: tlsAgent(tls) };
}

function tlsAgent(tls: Endpoint['tls']) {
  return new Agent({
    keepAlive: true,
    rejectUnauthorized: tls?.verify ?? true,
    ca: keyFile(tls?.ca),
    cert: keyFile(tls?.cert),
    key: keyFile(tls?.key),
  });
}

function keyFile(path: string | undefined): Buffer | undefined {
  if (path === undefined) return undefined;
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new ZashikiError('file-unreadable', `cannot read ${path}, which is needed to talk to the engine`, {
      hint: 'see DOCKER_CERT_PATH',
      cause,
    });
  }
}

function refusalOf(error: Error & { statusCode?: number; json?: unknown }): Refusal | undefined {
  if (error.statusCode === undefined) return undefined;
  const { json } = error;
  const said = typeof json === 'object' && json !== null && 'message' in json ? String(json.message) : undefined;
  const message = said ?? error.message.replace(/^\(HTTP code \d+\) \S+ - /, '').trim();
  return new Refusal(error.statusCode, message);
}

function unreachable({ url }: Endpoint, error: Error & { code?: string }): ZashikiError {
  if (error instanceof SshFailure || url.startsWith('ssh:')) return sshFailed(url, error);
  if (error.code === 'EACCES' || error.code === 'EPERM') {
    return new ZashikiError('permission-missing', `may not talk to the container engine at ${url}`, {
      hint: 'run as root, or as a member of the group that owns the socket (usually `docker`)',
      cause: error,
    });
  }
  const why = /certificate|self.signed|SSL|TLS|CERT_/i.test(`${error.message} ${error.code}`)
    ? 'check DOCKER_TLS_VERIFY and the certificates in DOCKER_CERT_PATH'
    : 'is it running? Set DOCKER_HOST, choose a context with `docker context use`, or name it by `engine` in the selector';
  return new ZashikiError('peer-unavailable', `no container engine answers at ${url}: ${error.message}`, {
    hint: why,
    cause: error,
  });
}
