import type { EpochMs, Milliseconds } from '../core/model.ts';
import { isMissing } from '../platforms/kubernetes/refusal.ts';
import type { Api } from './api.ts';
import type { Running } from './experiment.ts';
import type { Hold } from './hold.ts';
import { type KindInfo, kindOf } from './kinds.ts';
import { advance, type Injection, type Move, mayBeOn, next } from './record.ts';
import { nameOf, type Resource } from './resource.ts';
import { perform, type VerbPorts } from './verbs.ts';

/** Resources that went without us, by the hand of somebody who took their finalizer off: what they had on comes off. */
export interface Orphans {
  /** This resource is said to be gone. */
  add(key: string, resource: Resource): void;
  /** A step further with those of this key; `found`: what has this name now. Returns when to go on. */
  work(key: string, found: Resource | undefined): Promise<EpochMs | undefined>;
  /** We lead no more: what was not recovered goes on record. */
  end(): Promise<void>;
}

export interface OrphanPorts extends VerbPorts {
  readonly api: Pick<Api, 'list' | 'unverified'>;
  readonly hold: Pick<Hold, 'drop'>;
  readonly running: Running;
  readonly adopted: Map<string, EpochMs>;
  /** How long recovery may fail before it is let go, unverified. */
  readonly patience: Milliseconds;
  readonly say: (message: string) => void;
}

interface Orphan {
  readonly key: string;
  readonly resource: Resource;
  readonly since: EpochMs;
  /** It is gone: not just the whole collection out of sight for a moment. */
  certain: boolean;
  /** Something was left on it, which was said. */
  told: boolean;
}

/** A server that begins does not know its definitions yet: a collection is gone when it stays away for so long. */
const missingFor: Milliseconds = 60_000;
const soon: Milliseconds = 1000;
/** So many targets at a time. */
const batch = 32;

/** Undo records are those in memory: nobody else has them any more. */
export function openOrphans(ports: OrphanPorts): Orphans {
  const { api, board, clock, running, adopted, patience, hold, say } = ports;
  const all = new Map<string, Orphan>();

  const forget = ({ resource }: Orphan) => {
    const { uid } = resource.metadata;
    for (const { tag } of Object.values(board.of(uid))) adopted.delete(tag);
    board.drop(uid);
    hold.drop(uid);
    all.delete(uid);
  };

  /** Whether it is gone for certain. */
  const confirm = async (orphan: Orphan): Promise<boolean> => {
    const { resource, since } = orphan;
    const { uid, namespace } = resource.metadata;
    try {
      const there = await api.list(kindOf(resource) as KindInfo, namespace);
      if (there.some(({ metadata }) => metadata.uid === uid)) return false;
    } catch (error) {
      if (!isMissing(error)) throw error;
      if (clock.now() - since < missingFor) return false;
    }
    orphan.certain = true;
    hold.drop(uid);
    return true;
  };

  const step = async (orphan: Orphan): Promise<EpochMs | undefined> => {
    const { resource, since } = orphan;
    const { uid } = resource.metadata;
    if (!orphan.certain && !(await confirm(orphan))) return clock.now() + soon;
    // A run recovers by itself what it has on.
    const run = running.get(uid);
    if (run) {
      if (!run.abort.signal.aborted) say(`${nameIn(orphan)} is gone: its run is ended`);
      run.abort.abort(new Error('the Experiment is gone'));
      return clock.now() + soon;
    }
    const injections: Record<string, Injection> = { ...board.of(uid) };
    if (!orphan.told && Object.values(injections).some(isLeft)) {
      say(`${nameIn(orphan)} is gone, and was not let go by us: what it had on is taken off`);
      orphan.told = true;
    }
    let again: EpochMs | undefined;
    const due: { key: string; move: Move }[] = [];
    for (const [key, injection] of Object.entries(injections)) {
      if (!isLeft(injection)) continue;
      const move = next(injection, { on: false, offSince: since, patience }, clock.now());
      if (move.do === 'wait') again = earliest(again, move.until);
      else due.push({ key, move });
    }
    await Promise.all(
      due.slice(0, batch).map(async ({ key, move }) => {
        const injection = injections[key] as Injection;
        const result =
          move.do === 'give-up'
            ? ({ did: 'gave-up', reason: move.reason } as const)
            : await perform(move.do as 'recover', { resource: uid, key, injection, ttl: null }, ports);
        injections[key] = advance(injection, result, clock.now());
      }),
    );
    board.put(uid, injections);
    if (Object.values(injections).some(isLeft)) return due.length > 0 ? clock.now() : again;
    const unverified = Object.values(injections).filter(({ phase }) => phase === 'unverified');
    if (unverified.length > 0) await api.unverified(resource, unverified);
    const how = unverified.length > 0 ? 'not all could be recovered, see zashiki-unverified' : 'recovered';
    if (orphan.told) say(`${nameIn(orphan)}: ${how}`);
    forget(orphan);
    return undefined;
  };

  return {
    add: (key, resource) =>
      void all.set(resource.metadata.uid, { key, resource, since: clock.now(), certain: false, told: false }),
    async work(key, found) {
      let again: EpochMs | undefined;
      for (const orphan of [...all.values()].filter((each) => each.key === key)) {
        const { uid } = orphan.resource.metadata;
        if (found?.metadata.uid === uid) all.delete(uid);
        else again = earliest(again, await step(orphan));
      }
      return again;
    },
    async end() {
      for (const { resource } of all.values()) {
        const left = Object.values(board.of(resource.metadata.uid)).filter(isLeft);
        const error = 'its resource is gone, and the operator ended before it was recovered';
        if (left.length > 0)
          await api.unverified(
            resource,
            left.map((each) => ({ ...each, error })),
          );
      }
    },
  };
}

/** Without an undo record nothing was begun. */
const isLeft = (injection: Injection): boolean => mayBeOn(injection) && injection.undo !== undefined;

const nameIn = ({ resource }: Orphan) => `${resource.kind} ${nameOf(resource)}`;

/** The earlier of two times that may be absent. */
export const earliest = (one: EpochMs | undefined, other: EpochMs | undefined): EpochMs | undefined =>
  one === undefined || other === undefined ? (one ?? other) : Math.min(one, other);
