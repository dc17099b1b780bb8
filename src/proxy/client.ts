import { type RequestOptions, request } from 'node:http';
import { request as requestTls } from 'node:https';
import { ZashikiError } from '../core/errors.ts';
import type { JsonObject } from '../core/model.ts';

/** Where our own server and Toxiproxy listen unless told otherwise. */
export const defaultUrl = 'http://127.0.0.1:8474';

/** A toxic as the API shows it. `ttl`, in ms, is ours. */
export interface ToxicAnswer {
  readonly attributes: JsonObject;
  readonly name: string;
  readonly type: string;
  readonly stream: string;
  readonly toxicity: number;
  readonly ttl?: number;
}

/** A proxy as the API shows it. */
export interface ProxyAnswer {
  readonly name: string;
  readonly listen: string;
  readonly upstream: string;
  readonly enabled: boolean;
  readonly toxics: readonly ToxicAnswer[];
  readonly ttl?: number;
}

/** The HTTP API of our server or of a Toxiproxy (v2). */
export interface ProxyClient {
  readonly url: string;
  /**
   * One request. Undefined for an answer without a body. Throws `target-gone` for 404, `refused` for 401 and 403,
   * `usage` for other refusals, `peer-unavailable` when nobody answers.
   */
  call<T>(method: string, path: readonly string[], body?: object): Promise<T>;
  proxies(): Promise<readonly ProxyAnswer[]>;
  proxy(name: string): Promise<ProxyAnswer>;
}

export interface ClientOptions {
  /** Default http://127.0.0.1:8474; `host:port` is taken as http. */
  readonly url?: string | undefined;
  readonly token?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** In ms. Default 10 s. */
  readonly timeout?: number;
}

/** A client; nothing is sent yet. Throws `usage` for a text that is no URL. */
export function openProxyClient({
  url = defaultUrl,
  token,
  signal,
  timeout = 10_000,
}: ClientOptions = {}): ProxyClient {
  const base = normalUrl(url);
  async function call<T>(method: string, path: readonly string[], body?: object): Promise<T> {
    const headers = {
      'User-Agent': 'zashiki',
      ...(body ? { 'Content-Type': 'application/json' } : {}),
      ...(token ? { Authorization: `Bearer ${token}` } : {}),
    };
    const url = `${base}/${path.map(encodeURIComponent).join('/')}`;
    const late = AbortSignal.timeout(timeout);
    let answer: { readonly status: number; readonly text: string };
    try {
      const text = body ? JSON.stringify(body) : '';
      answer = await exchange(url, { method, headers, signal: signal ? AbortSignal.any([signal, late]) : late }, text);
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      const why = late.aborted ? `nothing came within ${timeout} ms` : reasonOf(error);
      throw new ZashikiError('peer-unavailable', `${base} does not answer: ${why}`, {
        hint: 'start one with: zashiki proxy, or name another with url (ZASHIKI_PROXY_URL, TOXIPROXY_URL)',
        cause: error,
      });
    }
    const { status, text } = answer;
    if (status >= 200 && status < 300) return (text ? parsed(text, base) : undefined) as T;
    throw refusalOf(status, text, base, path);
  }
  return {
    url: base,
    call,
    proxies: async () => Object.values(await call<Readonly<Record<string, ProxyAnswer>>>('GET', ['proxies'])),
    proxy: (name) => call('GET', ['proxies', name]),
  };
}

/** Toxics live in the memory of their server: where nobody listens any more, nothing is left either. */
export function isGone(error: unknown): boolean {
  if (!(error instanceof ZashikiError)) return false;
  if (error.code === 'target-gone') return true;
  return (error.cause as NodeJS.ErrnoException | undefined)?.code === 'ECONNREFUSED';
}

/** `http://host:port`, no slash at the end. */
export function normalUrl(text: string): string {
  const given = /^https?:\/\//.test(text) ? text : `http://${text}`;
  try {
    const { origin, pathname } = new URL(given);
    return `${origin}${pathname.replace(/\/+$/, '')}`;
  } catch {
    throw new ZashikiError('usage', `"${text}" is not a URL`, { hint: `write it like ${defaultUrl}` });
  }
}

function parsed(text: string, base: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ZashikiError('peer-unavailable', `what ${base} answers is not JSON`, {
      hint: 'is it really a fault proxy?',
      cause: error,
    });
  }
}

function refusalOf(status: number, text: string, base: string, path: readonly string[]): ZashikiError {
  let message = text.trim();
  try {
    message = String((JSON.parse(text) as { error?: unknown }).error ?? message);
  } catch {
    // Not every refusal is JSON.
  }
  const where = path[0] === 'proxies' && path[1] !== undefined ? `proxy ${path[1]}: ` : '';
  if (status === 404) return new ZashikiError('target-gone', `${where}${message} (${base})`, {});
  const hint = status === 401 || status === 403 ? 'set ZASHIKI_PROXY_TOKEN to the token of the server' : undefined;
  return new ZashikiError(hint ? 'refused' : 'usage', `${where}${message} (${base})`, hint ? { hint } : {});
}

const reasonOf = (error: unknown): string =>
  error instanceof Error ? ((error as NodeJS.ErrnoException).code ?? error.message) : String(error);

/** Not fetch: it refuses ports that a server may well have, and keeps connections for later. */
function exchange(
  url: string,
  options: RequestOptions,
  body: string,
): Promise<{ readonly status: number; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const open = url.startsWith('https:') ? requestTls : request;
    const headers = { ...options.headers, 'Content-Length': Buffer.byteLength(body) };
    const call = open(url, { ...options, headers, agent: false }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(parts).toString() }));
    });
    call.on('error', reject);
    call.end(body);
  });
}
