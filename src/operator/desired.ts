import type { EpochMs, Milliseconds } from '../core/model.ts';

/** What a resource and its surroundings say about whether its faults are to be on. */
export interface Circumstances {
  readonly isDeleted: boolean;
  readonly isPaused: boolean;
  readonly oneShot: boolean;
  readonly duration?: Milliseconds | undefined;
  /** From here `duration` counts. Absent: nothing was on yet. */
  readonly countsFrom?: EpochMs | undefined;
  /** How long it was held back since then, by a pause or by the stop lever. */
  readonly heldFor: Milliseconds;
  /** Why nothing may be on in the whole cluster. */
  readonly stopped?: string | undefined;
  /** Why this one may not go on: its document is wrong, or somebody else is in charge. */
  readonly refused?: string | undefined;
}

/** Why faults are on, or not. */
export type Because = 'deleted' | 'stopped' | 'refused' | 'paused' | 'time-up' | 'run';

/** Whether faults are to be on, and when that changes by itself. */
export interface Desired {
  readonly on: boolean;
  readonly because: Because;
  readonly until?: EpochMs;
}

/** One answer from all that was said, the strongest first. A one-shot action knows neither pause nor duration. */
export function desired(said: Circumstances, now: EpochMs): Desired {
  const { isDeleted, isPaused, oneShot, duration, countsFrom, heldFor, stopped, refused } = said;
  if (isDeleted) return { on: false, because: 'deleted' };
  if (refused !== undefined) return { on: false, because: 'refused' };
  if (stopped !== undefined) return { on: false, because: 'stopped' };
  if (oneShot) return { on: true, because: 'run' };
  if (isPaused) return { on: false, because: 'paused' };
  if (duration === undefined || countsFrom === undefined) return { on: true, because: 'run' };
  const until = countsFrom + duration + heldFor;
  return now >= until ? { on: false, because: 'time-up' } : { on: true, because: 'run', until };
}

/** Pauses and the lever hold the time back. */
export const isHeld = ({ because }: Desired): boolean => because === 'paused' || because === 'stopped';
