import { readFileSync } from 'node:fs';
import { type IncomingMessage, request as plain, type RequestOptions } from 'node:http';
import { request as secure } from 'node:https';
import { join, resolve } from 'node:path';
import type { Duplex } from 'node:stream';
import { connect as tlsConnect } from 'node:tls';
import { ZashikiError } from '../core/errors.ts';
import type { Json, JsonObject } from '../core/model.ts';

/** Where an agent is, and how to show who we are: paths, never secrets, because it stands in journals. Plain JSON. */
export type AgentEndpoint = {
  /** `https://node1:7475`, `http://127.0.0.1:7475` (loopback only), or `unix:/run/zashiki/agent.sock`. */
  readonly url: string;
  /** A folder with ca.crt, and client.crt and client.key unless there is a token. */
  readonly tls?: string;
  readonly tokenFile?: string;
  /** The name in the agent's certificate, when it is not that of the URL. */
  readonly serverName?: string;
  /** How long a fault stays on when nothing is heard of us, e.g. `10s`. Default 30 s. */
  readonly lease?: string;
};

/** One question to an agent; `body` null is a GET. Throws `peer-unavailable` when there is no answer. */
export type Transport = (
  path: string,
  body: JsonObject | null,
  signal?: AbortSignal,
) => Promise<{ readonly status: number; readonly body: Json }>;

export interface TransportOptions {
  /** A byte stream to the agent in place of a connection of our own, e.g. a forwarded port. */
  readonly socket?: () => Promise<Duplex>;
  /** How long a connection may take. Default 2.5 s: four tries of a recovery must fit between two looks of a reaper. */
  readonly connectMs?: number;
}

const longestAnswer = 16 << 20;
/** An agent that says nothing for so long is gone; a look at an effect may take its time. */
const silenceMs = 120_000;

/** Talk to an agent at an endpoint. Files are read anew for each question, so that renewed certificates count. */
export function openTransport(endpoint: AgentEndpoint, options: TransportOptions = {}): Transport {
  const { socket } = options;
  return async (path, body, signal) => {
    signal?.throwIfAborted();
    const line = lineTo(endpoint, path);
    const stream = socket && (await socket());
    const own = stream && { createConnection: () => wrapped(stream, line) as never, agent: false };
    return await ask({ ...line, ...own, timeout: silenceMs }, body, signal, endpoint.url, options.connectMs ?? 2500);
  };
}

interface Line extends RequestOptions {
  readonly secure: boolean;
  readonly servername?: string;
}

function lineTo({ url, tls, tokenFile, serverName }: AgentEndpoint, path: string): Line {
  const token = tokenFile === undefined ? undefined : read(tokenFile).toString().trim();
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  if (url.startsWith('unix:')) {
    return { secure: false, socketPath: url.slice(5), path, headers: { ...headers, host: 'localhost' } };
  }
  const { protocol, hostname, port } = parsed(url);
  const host = hostname.replace(/^\[|\]$/g, '');
  const line = { host, port: port || 7475, path, headers };
  if (protocol === 'http:') return { ...line, secure: false };
  const folder = tls === undefined ? undefined : resolve(tls);
  const client = folder !== undefined && token === undefined;
  return {
    ...line,
    secure: true,
    // An address is checked against the certificate as well; a name for SNI it cannot be.
    ...(serverName === undefined ? {} : { servername: serverName }),
    ...(folder === undefined ? {} : { ca: read(join(folder, 'ca.crt')) }),
    ...(client ? { cert: read(join(folder, 'client.crt')), key: read(join(folder, 'client.key')) } : {}),
  } as Line;
}

/** Throws `usage` for what is no address of an agent. */
export function parsed(url: string): URL {
  const read = URL.canParse(url) ? new URL(url) : undefined;
  if (read && ['http:', 'https:'].includes(read.protocol)) return read;
  throw new ZashikiError('usage', `"${url}" is not the address of an agent`, {
    hint: 'write https://NAME:7475, http://127.0.0.1:7475 or unix:/PATH',
  });
}

function read(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new ZashikiError('file-unreadable', `cannot read ${path}: ${(cause as Error).message}`, {
      hint: 'it is needed to reach the agent',
      cause,
    });
  }
}

const wrapped = (stream: Duplex, line: Line): Duplex =>
  line.secure ? tlsConnect({ ...(line as object), socket: stream }) : stream;

function ask(
  line: Line & { readonly timeout: number },
  body: JsonObject | null,
  signal: AbortSignal | undefined,
  url: string,
  connectMs: number,
): Promise<{ readonly status: number; readonly body: Json }> {
  const text = body === null ? undefined : JSON.stringify(body);
  const headers = {
    ...(line.headers as Record<string, string>),
    ...(text === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
  };
  return new Promise((done, failed) => {
    const unreachable = (cause: Error) => {
      if (signal?.aborted) return failed(signal.reason);
      failed(
        new ZashikiError('peer-unavailable', `the agent at ${url} does not answer: ${cause.message}`, {
          hint: 'is it running there, and are the certificates or the token right?',
          cause,
        }),
      );
    };
    const { secure: encrypted, ...options } = line;
    const sent = (encrypted ? secure : plain)(
      { ...options, headers, method: text === undefined ? 'GET' : 'POST', ...(signal ? { signal } : {}) },
      (answer) => collect(answer).then(done, unreachable),
    );
    const late = setTimeout(() => sent.destroy(new Error(`no connection within ${connectMs} ms`)), connectMs);
    const ready = () => clearTimeout(late);
    sent.once('socket', (socket) => {
      if (!socket.connecting) return ready();
      socket.once(encrypted ? 'secureConnect' : 'connect', ready);
    });
    sent.once('timeout', () => sent.destroy(new Error(`it said nothing for ${silenceMs} ms`)));
    sent.once('close', ready);
    sent.once('error', unreachable);
    sent.end(text);
  });
}

async function collect(answer: IncomingMessage): Promise<{ readonly status: number; readonly body: Json }> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of answer) {
    length += (chunk as Buffer).length;
    if (length > longestAnswer) throw new Error('the answer is too long');
    chunks.push(chunk as Buffer);
  }
  const text = Buffer.concat(chunks).toString();
  const json = answer.headers['content-type']?.includes('json') ?? false;
  return { status: answer.statusCode ?? 0, body: json ? (JSON.parse(text) as Json) : text };
}
