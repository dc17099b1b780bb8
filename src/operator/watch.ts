import { errorRecord } from '../core/errors.ts';
import type { Milliseconds } from '../core/model.ts';
import type { Client } from '../platforms/kubernetes/client.ts';
import { isMissing } from '../platforms/kubernetes/refusal.ts';

/** What is followed: a collection, and what in it. */
export interface Followed {
  readonly path: string;
  /** In the words of access rules. */
  readonly resource: string;
  readonly namespace?: string | undefined;
  readonly query?: Readonly<Record<string, string>>;
}

/** Whatever has a name and a uid. */
export interface Anything {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid: string;
    readonly resourceVersion?: string;
  };
}

export interface FollowPorts<T extends Anything> {
  readonly client: Client;
  /** `gone`: it was deleted, or is missing from a later list. */
  readonly seen: (object: T, how: 'there' | 'gone') => void;
  readonly trouble?: (message: string) => void;
  readonly signal: AbortSignal;
}

/** Asked of the server: it ends a watch after this and is asked again. */
const span: Milliseconds = 240_000;
/** A collection that does not exist may come to exist. */
const missingEvery: Milliseconds = 15_000;

/**
 * Follow a collection until `signal`: list it, then watch it with bookmarks; what the server has forgotten is listed
 * anew. Resolves when the first list is through, also for a collection that does not exist yet.
 */
export async function follow<T extends Anything>(what: Followed, ports: FollowPorts<T>): Promise<void> {
  await new Promise<void>((listed) => {
    void keepOn(what, ports, listed)
      .catch(() => undefined)
      .then(listed);
  });
}

async function keepOn<T extends Anything>(what: Followed, ports: FollowPorts<T>, listed: () => void): Promise<void> {
  const { signal, seen, trouble } = ports;
  let known = new Map<string, T>();
  let version: string | undefined;
  let failures = 0;
  while (!signal.aborted) {
    try {
      if (version === undefined) {
        const list = await wholeList<T>(what, ports);
        const now = new Map(list.items.map((item) => [item.metadata.uid, item]));
        for (const [uid, item] of known) if (!now.has(uid)) seen(item, 'gone');
        for (const item of now.values()) seen(item, 'there');
        known = now;
        version = list.version;
        listed();
      }
      const end = await watchOnce<T>(what, version, ports, (type, object) => {
        if (type === 'BOOKMARK') return;
        if (type === 'DELETED') known.delete(object.metadata.uid);
        else known.set(object.metadata.uid, object);
        seen(object, type === 'DELETED' ? 'gone' : 'there');
      });
      version = end.forgotten ? undefined : end.version;
      failures = 0;
    } catch (error) {
      if (signal.aborted) return;
      if (isMissing(error)) {
        for (const item of known.values()) seen(item, 'gone');
        known = new Map();
        listed();
      } else trouble?.(`${what.resource}: ${errorRecord(error).message}`);
      version = undefined;
      failures++;
      await rest(isMissing(error) ? missingEvery : Math.min(500 * 2 ** failures, 15_000), signal);
    }
  }
}

async function wholeList<T>(
  { path, resource, namespace, query }: Followed,
  { client, signal }: { client: Client; signal: AbortSignal },
) {
  const items: T[] = [];
  let next: string | undefined;
  let version = '';
  do {
    const page = await client.call<{ items?: readonly T[]; metadata: { continue?: string; resourceVersion?: string } }>(
      {
        method: 'GET',
        verb: 'list',
        path,
        resource,
        namespace,
        query: { ...query, limit: 500, continue: next },
        signal,
      },
    );
    items.push(...(page.items ?? []));
    version = page.metadata.resourceVersion ?? version;
    next = page.metadata.continue || undefined;
  } while (next !== undefined);
  return { items, version };
}

interface Ended {
  readonly version: string;
  /** The server no longer knows what came after that version. */
  readonly forgotten: boolean;
}

/** One watch, to its end. Throws when it could not be opened. */
async function watchOnce<T extends Anything>(
  { path, query }: Followed,
  from: string,
  { client, signal }: { client: Client; signal: AbortSignal },
  each: (type: string, object: T) => void,
): Promise<Ended> {
  const { Watch } = await import('../platforms/kubernetes/library.ts');
  let version = from;
  let forgotten = false;
  const end = deferred<Ended>();
  const asked = { ...query, resourceVersion: from, allowWatchBookmarks: true, timeoutSeconds: span / 1000 };
  const heard = (type: string, object: T & { code?: number; message?: string }) => {
    if (type === 'ERROR') {
      forgotten = true;
      return;
    }
    version = object.metadata.resourceVersion ?? version;
    each(type, object);
  };
  const closed = (error: unknown) => {
    const { statusCode } = (error ?? {}) as { statusCode?: number };
    if (statusCode === 410) forgotten = true;
    else if (error && statusCode !== undefined) return end.reject(error);
    end.resolve({ version, forgotten });
  };
  const request = await new Watch(client.config).watch(path, asked, heard, closed);
  // A connection that died without a word is given up on.
  const silent = setTimeout(() => request.abort(), span + 30_000);
  const stop = () => request.abort();
  signal.addEventListener('abort', stop, { once: true });
  try {
    const ended = await end.promise;
    // A server that closes at once must not be asked without pause.
    if (!forgotten) await rest(200, signal);
    return ended;
  } finally {
    clearTimeout(silent);
    signal.removeEventListener('abort', stop);
  }
}

function deferred<T>() {
  let resolve: (value: T) => void = () => undefined;
  let reject: (error: unknown) => void = () => undefined;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

/** Wait; ends early, without an error, at `signal`. */
export const rest = (ms: Milliseconds, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
    if (signal.aborted) done();
  });
