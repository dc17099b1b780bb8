import type { Intent } from '../core/events.ts';
import type { EpochMs, Milliseconds, TargetRef } from '../core/model.ts';
import type { InjectionName } from '../remote/index.ts';
import type { Session } from './session.ts';

/** Who ended an injection. */
export type EndedBy = 'controller' | 'lease' | 'duration' | 'stop' | 'failure' | 'reaper';

/** `planned`: nothing is changed yet. `once`: a fault of which nothing stays. */
export type Phase = 'planned' | 'injecting' | 'on' | 'once' | 'off';

/** One injection that this agent has, had, or will have on. Changed only by the one whose turn it is, see `turn`. */
export interface Held {
  readonly name: InjectionName;
  readonly session: Session;
  readonly intent: Intent;
  readonly target: TargetRef;
  readonly params: object;
  readonly by: string;
  phase: Phase;
  since: EpochMs;
  /** On the monotonic clock: when a plan is forgotten, when what is on is undone, when an ended one is forgotten. */
  until: Milliseconds;
  /** On the monotonic clock: its duration and a little more is over. */
  ttlUntil: Milliseconds;
  /** How it ended, for people. */
  ended?: { readonly by: EndedBy; readonly clean: boolean; readonly detail: string };
  /** Undoing did not work: tried again then, on the monotonic clock, with growing pauses. */
  retry?: { readonly by: EndedBy; readonly at: Milliseconds; readonly pause: Milliseconds; readonly why: string };
  /** The agent is about to undo it by itself. */
  ending?: boolean;
  /** Cuts an inject short that outlives its lease. */
  readonly cut: AbortController;
}

/** What has ended is told of for so long. */
export const rememberMs: Milliseconds = 600_000;

/** One text for one injection. */
export const keyOf = ({ run, injection }: InjectionName): string => `${run}/${injection}`;

/** Something may still have to be undone, or the plan be carried out. */
export const isOpen = ({ phase }: Held): boolean => phase === 'planned' || phase === 'injecting' || phase === 'on';

/** One after the other, per key. A turn that hangs is waited for `patience` ms, then the next one begins all the same. */
export function openTurns(patience: Milliseconds): <T>(key: string, work: () => Promise<T>) => Promise<T> {
  const last = new Map<string, Promise<unknown>>();
  return async (key, work) => {
    const before = last.get(key);
    const mine = (async () => {
      if (before) await settledWithin(before, patience);
      return work();
    })();
    const settled = mine
      .catch(() => {})
      .finally(() => {
        if (last.get(key) === settled) last.delete(key);
      });
    last.set(key, settled);
    return mine;
  };
}

async function settledWithin(work: Promise<unknown>, ms: Milliseconds): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work.catch(() => {}), late]);
  clearTimeout(timer);
}
