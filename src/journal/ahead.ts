import { systemClock } from '../core/clock.ts';
import type { Clock } from '../core/ports.ts';
import { drawSeed, seededRng } from '../core/rng.ts';
import { reaperPath, type WarmReaper, warmReaper } from './safety-net.ts';
import { newRunId } from './state.ts';

/** A run that does not exist yet: its id, and its reaper, which gets ready meanwhile. */
export interface Ahead {
  readonly run: string;
  readonly warm: WarmReaper;
}

/** A fresh run id, which sorts by time. */
export const freshRunId = (clock: Clock): string => newRunId(clock, seededRng(drawSeed()));

/**
 * Start the reaper of a run of this state folder (an absolute path) ahead: it takes as long to start as all that comes
 * before the first injection. Throws `reaper-failed` when it was never built.
 */
export function startAhead(options: {
  readonly state: string;
  readonly clock?: Clock;
  /** Default: a fresh id. */
  readonly run?: string | undefined;
}): Ahead {
  const { state, clock = systemClock, run = freshRunId(clock) } = options;
  return { run, warm: warmReaper({ state, run, reaperPath: reaperPath() }) };
}
