import { ZashikiError } from '../core/errors.ts';
import type { Intent } from '../core/events.ts';
import type { Milliseconds, TargetRef } from '../core/model.ts';
import type { FaultContext, FaultPort, PlatformPort } from '../core/ports.ts';
import type { InjectionName } from '../remote/index.ts';
import { type Held, keyOf, openTurns } from './held.ts';
import type { Sessions } from './sessions.ts';
import type { Telemetry } from './telemetry.ts';
import type { UndoingPorts } from './undoing.ts';

export interface WorkPorts extends UndoingPorts {
  readonly sessions: Sessions;
  readonly telemetry: Telemetry;
  readonly log: (line: string) => void;
}

/** What all work of one agent shares: the injections that it knows of, and how to get at one. */
export interface Book extends WorkPorts {
  readonly all: Map<string, Held>;
  /** One after the other, per injection. */
  readonly inTurn: <T>(key: string, work: () => Promise<T>) => Promise<T>;
  /** A fault's context but for its folder and its addresses. */
  contextOf(
    name: InjectionName,
    ttl: Milliseconds | null,
    shares: () => string | undefined,
    signal: AbortSignal,
  ): Omit<FaultContext, 'keep' | 'addressesOf'>;
  /** The whole context of one that was planned. */
  fullContext(one: Held, signal: AbortSignal): FaultContext;
  partsOf(
    of: Pick<Intent, 'fault' | 'target'>,
  ): Promise<{ readonly fault: FaultPort; readonly platform: PlatformPort }>;
  /** Throws when an injection of anybody on this machine still changes what this one would. */
  free(intent: Intent, name: InjectionName): void;
}

/** An inject that hangs is not waited for longer than this when it is to be undone. */
const hangMs: Milliseconds = 15_000;

/** An empty book. */
export function openBook(ports: WorkPorts): Book {
  const { catalogue, clock, shared } = ports;
  const contextOf: Book['contextOf'] = (name, ttl, shares, signal) => ({
    tag: `${name.run}.${name.injection}`,
    ttl,
    clock,
    signal,
    owner: shared.owner,
    siblings: () => {
      const of = shares();
      return of === undefined ? [] : shared.siblings(of, name);
    },
  });
  return {
    ...ports,
    all: new Map(),
    inTurn: openTurns(hangMs),
    contextOf,
    fullContext({ name, intent }, signal) {
      const keep = shared.keepFolder(name.run, name.injection);
      return { ...contextOf(name, intent.ttl, () => intent.shares, signal), keep, addressesOf: nobody };
    },
    async partsOf({ fault, target }) {
      return { fault: catalogue.fault(fault), platform: await catalogue.platform(target.platform) };
    },
    free({ claims = [], reversible, target }, name) {
      if (!reversible) return;
      const holder = shared
        .outstanding()
        .find((other) => keyOf(other) !== keyOf(name) && other.claims?.some((claim) => claims.includes(claim)));
      if (!holder) return;
      const who = `${holder.fault} of run ${holder.run} (${holder.injection})`;
      throw new ZashikiError('inject-failed', `${target.name} (${target.id}): ${who} is still on there`, {
        hint: 'wait until it is recovered',
      });
    },
  };
}

/** Handles, when the very target is there and may be hit. */
export async function reach(platform: PlatformPort, target: TargetRef): Promise<object> {
  const name = `${target.name} (${target.id})`;
  if ((await platform.check(target)) === 'gone') throw new ZashikiError('target-gone', `${name} is gone`);
  const spared = await platform.spare(target);
  if (spared) throw new ZashikiError('inject-failed', `${name} is spared: ${spared}`);
  return platform.attach(target);
}

/** Addresses after the plan: the fault has written down what it needs of them. */
export const nobody = async (): Promise<never> => {
  throw new ZashikiError('not-supported', 'addresses are found out when it is planned');
};

/** One injection, for people. */
export const lineOf = ({ name, intent, target }: Held): string =>
  `${name.injection} ${intent.fault} on ${target.name} (${target.id})`;
