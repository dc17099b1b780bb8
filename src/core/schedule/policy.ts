import { formatDuration } from '../duration.ts';
import type { EpochMs, Milliseconds } from '../model.ts';
import type { ScheduleSpec } from './model.ts';
import type { PastDue } from './next.ts';

/** The most missed runs that are made up for at one time. */
export const mostCaughtUp = 100;
/** A run that starts this late is still on time when missed runs are skipped and no deadline is given. */
export const usualLateness: Milliseconds = 10_000;

/** What becomes of due times that have passed. `missed` all lie before `fire`. */
export interface DueDecision {
  /** Oldest first. */
  readonly fire: readonly EpochMs[];
  /** `count` due times, the last of them at `due`; one entry per reason. */
  readonly missed: readonly { readonly due: EpochMs; readonly count: number; readonly reason: string }[];
}

/**
 * Decide on due times up to `now`. `skip`: the newest runs if it is at most `startingDeadline` (default 10s) late.
 * `once`: the newest runs, however late, up to `startingDeadline`. `all`: each runs, the newest 100 at most, up to
 * `startingDeadline`. The rest is missed.
 */
export function decideDue(
  past: PastDue,
  spec: Pick<ScheduleSpec, 'missedRuns' | 'startingDeadline'>,
  now: EpochMs,
): DueDecision {
  const limit = spec.startingDeadline ?? (spec.missedRuns === 'skip' ? usualLateness : Number.POSITIVE_INFINITY);
  const inTime = past.dues.filter((due) => now - due <= limit);
  const fire = spec.missedRuns === 'all' ? inTime.slice(-mostCaughtUp) : inTime.slice(-1);
  const late = past.dues.filter((due) => now - due > limit);
  const passed = inTime.slice(0, inTime.length - fire.length);
  const and = past.more ? ' (and older ones)' : '';
  return {
    fire,
    missed: [
      ...group(late, `more than ${formatDuration(limit)} late${and}`),
      ...group(
        passed,
        spec.missedRuns === 'all'
          ? `only the newest ${mostCaughtUp} are made up for${and}`
          : overtaken(spec, late.length ? '' : and),
      ),
    ],
  };
}

function group(dues: readonly EpochMs[], reason: string): DueDecision['missed'] {
  const due = dues.at(-1);
  return due === undefined ? [] : [{ due, count: dues.length, reason }];
}

const overtaken = (spec: Pick<ScheduleSpec, 'missedRuns'>, and: string) =>
  `a later run is due too (missedRuns: ${spec.missedRuns})${and}`;

/**
 * What to do about a run that is due while others of the same schedule go on. A run that makes up for a missed one
 * waits for its turn, unless runs may overlap.
 */
export function decideOverlap(
  policy: ScheduleSpec['concurrencyPolicy'],
  running: number,
  makesUp: boolean,
): 'start' | 'wait' | 'miss' | 'replace' {
  if (running === 0 || policy === 'Allow') return 'start';
  if (makesUp) return 'wait';
  return policy === 'Replace' ? 'replace' : 'miss';
}

/** The finished runs, oldest first, that exceed the history limit. */
export function toPrune(history: readonly string[], limit: number): readonly string[] {
  return history.slice(0, Math.max(0, history.length - limit));
}
