import type { JsonObject } from '../core/model.ts';
import { type Held, isOpen } from './held.ts';
import type { Work } from './work.ts';

/** What an agent tells of itself. */
export interface StatusPorts {
  readonly work: Work;
  readonly name: string;
  readonly version: string;
  readonly owner: () => string;
  /** Faults of earlier lives that could not be undone yet. */
  readonly leftovers: () => readonly { readonly fault: string; readonly line: string }[];
  /** The monotonic clock. */
  readonly now: () => number;
}

/** What an agent has on, and what it had on lately. */
export function statusOf({ work, name, version, owner, leftovers, now }: StatusPorts): JsonObject {
  const all = work.held().filter(({ phase }) => phase !== 'planned');
  return {
    version,
    name,
    owner: owner(),
    injections: all.filter(isOpen).map((one) => ({ ...shown(one), ...left(one, now()) })),
    recent: all.filter((one) => !isOpen(one)).map((one) => ({ ...shown(one), ...ended(one) })),
    leftovers: leftovers().map(({ line }) => line),
  };
}

function shown({ name, intent, target, phase, since, by, retry }: Held): JsonObject {
  const { platform, id } = target;
  const stuck = retry === undefined ? {} : { stuck: retry.why };
  return { ...name, fault: intent.fault, target: { platform, id, name: target.name }, phase, since, by, ...stuck };
}

function left({ until, ttlUntil }: Held, now: number): JsonObject {
  const ttlLeftMs = Number.isFinite(ttlUntil) ? Math.max(0, ttlUntil - now) : null;
  return { leaseLeftMs: Math.max(0, until - now), ttlLeftMs };
}

function ended({ ended: how }: Held): JsonObject {
  return how === undefined ? {} : { endedBy: how.by, clean: how.clean, detail: how.detail };
}
