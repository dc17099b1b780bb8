import type { Json } from '../core/model.ts';
import { type Injection, mayBeOn } from './record.ts';

/** All injections of all resources, as this leader knows them: what one changes, another leaves alone meanwhile. */
export interface Board {
  /** What a resource has, as its status says. */
  put(resource: string, injections: Readonly<Record<string, Injection>>): void;
  /** One injection has come further; the status is written later. */
  move(resource: string, key: string, injection: Injection): void;
  drop(resource: string): void;
  /** What is known of a resource. */
  of(resource: string): Readonly<Record<string, Injection>>;
  /** The one that holds one of these claims, but for `except`. */
  holder(claims: readonly string[], except: string): Injection | undefined;
  /** Undo records of those that are on and share this name, oldest first, but for `except`. */
  siblings(shares: string, except: string): readonly Json[];
  /** Grows whenever something changes on a target. */
  version(target: string): number;
  /** Targets on which something may be on, each once; `id` of the target. */
  hit(): ReadonlySet<string>;
  /** Do this while nobody else does something for the same name. */
  alone<T>(name: string | undefined, work: () => Promise<T>): Promise<T>;
}

/** An empty board. */
export function openBoard(): Board {
  const resources = new Map<string, Map<string, Injection>>();
  const versions = new Map<string, number>();
  const queues = new Map<string, Promise<unknown>>();
  const all = () => [...resources.values()].flatMap((each) => [...each.values()]);
  const touch = ({ target }: Injection) => versions.set(target.id, (versions.get(target.id) ?? 0) + 1);
  return {
    put(resource, injections) {
      const before = resources.get(resource);
      const now = new Map(Object.entries(injections));
      for (const [key, injection] of now) if (before?.get(key)?.phase !== injection.phase) touch(injection);
      for (const [key, injection] of before ?? []) if (!now.has(key)) touch(injection);
      resources.set(resource, now);
    },
    move(resource, key, injection) {
      const own = resources.get(resource) ?? new Map<string, Injection>();
      resources.set(resource, own.set(key, injection));
      touch(injection);
    },
    drop: (resource) => void resources.delete(resource),
    of: (resource) => Object.fromEntries(resources.get(resource) ?? []),
    holder: (claims, except) =>
      all().find(
        (other) => other.tag !== except && mayBeOn(other) && other.claims?.some((claim) => claims.includes(claim)),
      ),
    siblings: (shares, except) =>
      all()
        .filter((other) => other.tag !== except && other.phase === 'on' && other.shares === shares)
        .sort((a, b) => a.since - b.since)
        .map(({ undo }) => undo ?? null),
    version: (target) => versions.get(target) ?? 0,
    hit: () =>
      new Set(
        all()
          .filter(mayBeOn)
          .map(({ target }) => target.id),
      ),
    async alone(name, work) {
      if (name === undefined) return work();
      const before = queues.get(name) ?? Promise.resolve();
      const turn = before.then(work, work);
      const settled = turn.catch(() => undefined);
      queues.set(name, settled);
      try {
        return await turn;
      } finally {
        if (queues.get(name) === settled) queues.delete(name);
      }
    },
  };
}
