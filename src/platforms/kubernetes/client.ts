import { request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent, type AgentOptions, request as httpsRequest, type RequestOptions } from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node';
import { ZashikiError } from '../../core/errors.ts';
import { type Cluster, type Configured, configured, configuredAgain, type Wanted } from './cluster.ts';
import { type Asked, budgetOf, explained, Refusal } from './refusal.ts';

/** One call; `asked` says in the words of access rules what it is. */
export interface Call extends Asked {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly body?: unknown;
  /** The answer is a text, as it is, and no JSON. */
  readonly raw?: boolean;
  /** Of the body. Default application/json. */
  readonly type?: string;
  readonly signal?: AbortSignal | undefined;
}

/** One cluster. */
export interface Client {
  readonly cluster: Cluster;
  /** Of the context. */
  readonly namespace: string;
  readonly config: KubeConfig;
  /**
   * The answer. Throws `Refusal` (404, 409, 422 …), `permission-missing` naming verb and resource, and
   * `peer-unavailable` when nobody answers.
   */
  call<T>(call: Call): Promise<T>;
  /** All items of a list, page by page. */
  list<T>(call: Omit<Call, 'method' | 'verb'>): Promise<readonly T[]>;
}

/** So many objects a page. */
const pageSize = 500;
/** How often a call is made again when the server is too busy for it. */
const tries = 6;
/** So many calls at a time: a large selection must not starve others. */
const parallel = 8;
const patience = 30_000;

/** Clusters that this process talks to: a connection is kept, and the configuration is read once. */
const open = new Map<string, Promise<Client>>();

/** The cluster that a selector means. */
export async function clusterFor(wanted: Wanted): Promise<Client> {
  const found = await configured(wanted);
  return remembered(found.cluster, async () => found);
}

/** The cluster of a pinned target. */
export const clusterAt = (cluster: Cluster): Promise<Client> => remembered(cluster, () => configuredAgain(cluster));

function remembered(cluster: Cluster, find: () => Promise<Configured>): Promise<Client> {
  const key = JSON.stringify([cluster.files, cluster.context, cluster.server]);
  const known = open.get(key);
  if (known) return known;
  const opening = find().then(openClient);
  open.set(key, opening);
  // What could not be opened is tried again next time.
  opening.catch(() => open.delete(key));
  return opening;
}

/** Talk to a cluster; nothing is sent before the first call. */
export function openClient({ cluster, namespace, config }: Configured): Client {
  const dial = dialer(config);
  const call = async <T>(call: Call): Promise<T> => {
    for (let attempt = 1; ; attempt++) {
      call.signal?.throwIfAborted();
      const answer = await dial(call).catch((error: unknown) => {
        if (call.signal?.aborted) throw call.signal.reason;
        throw error instanceof ZashikiError ? error : unreachable(cluster, error);
      });
      if (answer.status < 300) {
        if (call.raw) return answer.body as T;
        return (answer.body === '' ? undefined : JSON.parse(answer.body)) as T;
      }
      const refusal = new Refusal(answer.status, answer.body);
      const isBusy = (answer.status === 429 && budgetOf(refusal) === undefined) || answer.status === 503;
      if (!isBusy || attempt === tries) throw explained(refusal, call, cluster.context);
      await pause(answer.retryAfter ?? Math.min(2 ** attempt * 100, 5000), call.signal);
    }
  };
  return {
    cluster,
    namespace,
    config,
    call,
    async list<T>(asked: Omit<Call, 'method' | 'verb'>) {
      for (let round = 1; ; round++) {
        try {
          return await pages<T>(call, asked);
        } catch (error) {
          // The server has forgotten the snapshot that the pages are of.
          if (!(error instanceof Refusal) || error.status !== 410 || round === 3) throw error;
        }
      }
    },
  };
}

async function pages<T>(call: Client['call'], asked: Omit<Call, 'method' | 'verb'>): Promise<readonly T[]> {
  const items: T[] = [];
  let next: string | undefined;
  do {
    const query = { ...asked.query, limit: pageSize, continue: next };
    const page = await call<{ items?: readonly T[]; metadata?: { continue?: string } }>({
      ...asked,
      query,
      method: 'GET',
      verb: 'list',
    });
    items.push(...(page.items ?? []));
    next = page.metadata?.continue || undefined;
  } while (next !== undefined);
  return items;
}

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly retryAfter: number | undefined;
}

/** Requests with the credentials of the configuration, asked for anew each time: tokens expire. */
function dialer(config: KubeConfig): (call: Call) => Promise<Answer> {
  const agents = new Map<string, Agent>();
  const agentFor = (options: RequestOptions): Agent => {
    const { ca, cert, key, rejectUnauthorized, servername } = options;
    const id = [cert, key].map(String).join();
    const known = agents.get(id);
    if (known) return known;
    const given = { ca, cert, key, rejectUnauthorized, servername };
    const kept = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as AgentOptions;
    const agent = new Agent({ ...kept, keepAlive: true, maxSockets: parallel });
    agents.set(id, agent);
    return agent;
  };
  return async (call) => {
    const server = config.getCurrentCluster();
    const url = new URL(`${server?.server.replace(/\/$/, '')}${call.path}`);
    for (const [name, value] of Object.entries(call.query ?? {})) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    const options: RequestOptions = {};
    await config.applyToHTTPSOptions(options).catch((error: Error) => {
      const context = config.getCurrentContext();
      throw new ZashikiError('permission-missing', `no credentials for the context ${context}: ${error.message}`, {
        hint: 'log in again, or correct the user of the context',
        cause: error,
      });
    });
    const isSecure = url.protocol === 'https:';
    const agent = isSecure && !server?.proxyUrl ? agentFor(options) : options.agent;
    const body = call.body === undefined ? undefined : JSON.stringify(call.body);
    const headers = {
      ...options.headers,
      accept: call.raw ? '*/*' : 'application/json',
      ...(body === undefined
        ? {}
        : { 'content-type': call.type ?? 'application/json', 'content-length': Buffer.byteLength(body) }),
    };
    const { method, signal } = call;
    const more = { method, headers, agent, auth: options.auth ?? undefined, timeout: patience };
    return new Promise<Answer>((resolve, reject) => {
      const sent = (isSecure ? httpsRequest : httpRequest)(url, { ...more, ...(signal ? { signal } : {}) }, (answer) =>
        whole(answer).then(resolve, reject),
      );
      sent.once('timeout', () => sent.destroy(new Error(`no answer within ${patience / 1000} s`)));
      sent.once('error', reject);
      sent.end(body);
    });
  };
}

async function whole(answer: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  const seconds = Number(answer.headers['retry-after']);
  return {
    status: answer.statusCode ?? 0,
    body: Buffer.concat(chunks).toString(),
    retryAfter: Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds * 1000, 10_000) : undefined,
  };
}

function unreachable({ server, context }: Cluster, error: unknown): ZashikiError {
  const { message, code } = error as Error & { code?: string };
  const isTls = /certificate|self.signed|SSL|TLS|CERT_/i.test(`${message} ${code}`);
  const hint = isTls
    ? `the certificate of the server does not fit the context ${context}: correct its certificate-authority`
    : `is the cluster up, and is ${context} the context that you mean? Choose one by --context, or \`context\` in the selector`;
  const why = message || code || 'no reason given';
  return new ZashikiError('peer-unavailable', `the API server at ${server} does not answer: ${why}`, {
    hint,
    cause: error,
  });
}

const pause = (ms: number, signal: AbortSignal | undefined): Promise<void> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(done, ms);
    function done() {
      signal?.removeEventListener('abort', abort);
      resolve();
    }
    function abort() {
      clearTimeout(timer);
      reject(signal?.reason);
    }
    signal?.addEventListener('abort', abort, { once: true });
  });
