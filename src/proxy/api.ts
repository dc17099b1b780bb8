import type { Collection } from './collection.ts';
import { encodeGo } from './go-json.ts';
import { ProxyProblem, problems } from './problem.ts';
import { type FaultProxy, type ProxyInput, toxicView } from './proxy.ts';
import { type ProxyFields, readProxies, readProxy, readToxic, readToxicChange } from './requests.ts';

/** An answer of the API. `body` absent: none, as with 204. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface ApiOptions {
  readonly collection: Collection;
  /** What `GET /version` says: the version of Toxiproxy's API that this is. */
  readonly version: string;
  /** The text of `GET /metrics`; absent: there is no such page. */
  readonly metrics?: (() => string) | undefined;
}

type Work = (params: readonly string[], body: string) => Promise<Answer>;
type Routes = readonly (readonly [path: RegExp, methods: Readonly<Record<string, Work>>])[];

const json = (value: unknown, status = 200, type = 'application/json'): Answer => ({
  status,
  headers: { 'Content-Type': type },
  body: typeof value === 'string' ? value : encodeGo(value),
});
const done = async (work: Promise<void>): Promise<Answer> => {
  await work;
  return { status: 204, headers: {} };
};
/** As Go's `http.Error`. */
export const plainError = (text: string, status: number): Answer => ({
  status,
  headers: { 'Content-Type': 'text/plain; charset=utf-8', 'X-Content-Type-Options': 'nosniff' },
  body: `${text}\n`,
});

/** The HTTP API of Toxiproxy v2.12: same routes, statuses, bodies, and errors. Extra fields are ours: `ttl`, `sni`. */
export function createApi(options: ApiOptions): (method: string, path: string, body: string) => Promise<Answer> {
  const routes = routesOf(options);
  return async (method, path, body) => {
    const clean = path.replace(/\/{2,}/g, '/');
    if (clean !== path) return { status: 301, headers: { Location: clean } };
    for (const [pattern, methods] of routes) {
      const match = pattern.exec(path);
      if (!match) continue;
      const work = methods[method];
      if (!work) return { status: 405, headers: {} };
      try {
        return await work(match.slice(1).map(decoded), body);
      } catch (error) {
        const { message, status } = asProblem(error);
        return plainError(encodeGo({ error: message, status }), status);
      }
    }
    return plainError('404 page not found', 404);
  };
}

function routesOf({ collection, version, metrics }: ApiOptions): Routes {
  const one = (name = '') => collection.get(name);
  const updateProxy: Work = async ([name], body) => {
    const proxy = one(name);
    const fields = readProxy(body);
    await proxy.update(inputOf(fields, proxy));
    return json(proxy.view());
  };
  const updateToxic: Work = async ([name, toxicName], body) => {
    const proxy = one(name);
    const change = readToxicChange(body, toxicOf(proxy, toxicName));
    return json(toxicView(await proxy.updateToxic(toxicName ?? '', change)));
  };
  return [
    [/^\/reset$/, { POST: async () => done(collection.reset()) }],
    [
      /^\/proxies$/,
      {
        GET: async () => json(Object.fromEntries(collection.all().map((proxy) => [proxy.name, proxy.view()]))),
        async POST(_, body) {
          const fields = readProxy(body);
          if (!fields.name) throw problems.missingField('name');
          if (!fields.upstream) throw problems.missingField('upstream');
          return json((await collection.add(fields.name, inputOf(fields))).view(), 201);
        },
      },
    ],
    [/^\/populate$/, { POST: async (_, body) => populate(collection, body) }],
    [
      /^\/proxies\/([^/]+)$/,
      {
        GET: async ([name]) => json(one(name).view()),
        ...{ POST: updateProxy, PATCH: updateProxy },
        DELETE: async ([name]) => done(collection.remove(name ?? '')),
      },
    ],
    [
      /^\/proxies\/([^/]+)\/toxics$/,
      {
        GET: async ([name]) => json(one(name).toxics.map(toxicView)),
        async POST([name], body) {
          const proxy = one(name);
          const { toxic, ttl } = readToxic(body);
          await proxy.addToxic(toxic, ttl);
          return json(toxicView(toxic));
        },
      },
    ],
    [
      /^\/proxies\/([^/]+)\/toxics\/([^/]+)$/,
      {
        GET: async ([name, toxic]) => json(toxicView(toxicOf(one(name), toxic))),
        ...{ POST: updateToxic, PATCH: updateToxic },
        DELETE: async ([name, toxic]) => done(one(name).removeToxic(toxic ?? '')),
      },
    ],
    [/^\/version$/, { GET: async () => json(`{"version": "${version}"}\n`, 200, 'application/json;charset=utf-8') }],
    ...(metrics
      ? ([
          [/^\/metrics$/, { GET: async () => json(metrics(), 200, 'text/plain; version=0.0.4; charset=utf-8') }],
        ] as const)
      : []),
  ];
}

/** Some of a list may be there although a later one was refused: both are in the answer. */
async function populate(collection: Collection, body: string): Promise<Answer> {
  const made: FaultProxy[] = [];
  let problem: ProxyProblem | undefined;
  try {
    for (const fields of readProxies(body)) {
      made.push(await collection.addOrReplace(fields.name, inputOf(fields)));
    }
  } catch (error) {
    problem = asProblem(error);
  }
  const error = problem ? { error: problem.message, status: problem.status } : {};
  const views = made.length > 0 ? made.map((proxy) => proxy.view()) : null;
  return json({ ...error, proxies: views }, problem?.status ?? 201);
}

const inputOf = (
  { listen, upstream, enabled, ttl, sni }: ProxyFields,
  before: ProxyInput = { listen: '', upstream: '', enabled: true },
): ProxyInput => ({
  listen: listen ?? before.listen,
  upstream: upstream ?? before.upstream,
  enabled: enabled ?? before.enabled,
  ...{ ttl, sni },
});

function toxicOf(proxy: FaultProxy, name = '') {
  const toxic = proxy.toxics.find((entry) => entry.name === name);
  if (!toxic) throw problems.toxicNotFound();
  return toxic;
}

const asProblem = (error: unknown): ProxyProblem =>
  error instanceof ProxyProblem ? error : problems.other(error instanceof Error ? error.message : String(error));

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
