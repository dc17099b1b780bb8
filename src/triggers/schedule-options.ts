import type { EpochMs } from '../core/model.ts';
import type { Clock, Rng } from '../core/ports.ts';
import type { Schedule } from '../core/schedule/model.ts';
import type { RunOutcome, ScheduleEntry } from '../core/schedule/state.ts';
import type { ScheduleEvent } from './schedule-events.ts';

/** Where a schedule's entries are kept. One writer at a time. */
export interface ScheduleStore {
  /** Append one entry; it is on disk before this returns. Throws `state-unwritable`. */
  append(schedule: string, entry: ScheduleEntry): void;
  /** All entries, in order; empty for a schedule that was never seen. */
  read(schedule: string): readonly ScheduleEntry[];
  /** Put `entries` in the place of all others, at once or not at all. */
  replace(schedule: string, entries: readonly ScheduleEntry[]): void;
}

/** What a run is told about itself. */
export interface Firing {
  readonly run: string;
  readonly due: EpochMs;
  /** The group of targets that is hit; the empty string when groups are not told apart. */
  readonly group: string;
  /** Aborted when the daemon ends or the run is replaced; recover, then settle. */
  readonly signal: AbortSignal;
}

export interface SchedulesOptions {
  /** Names must be unique. */
  readonly schedules: readonly Schedule[];
  readonly store: ScheduleStore;
  readonly clock: Clock;
  /** A generator for one purpose, e.g. `(purpose) => seededRng(seed, purpose)`. */
  readonly rng: (purpose: string) => Rng;
  /** Carry out one run. It was written down as `run` before; a throw counts as `failed`. */
  readonly fire: (schedule: Schedule, firing: Firing) => Promise<RunOutcome>;
  readonly onEvent: (event: ScheduleEvent) => void;
  readonly signal: AbortSignal;
  /** For `meanTimeBetween`: the groups that each have a chance of their own. Default: one. */
  readonly groups?: (schedule: Schedule) => Promise<readonly string[]>;
  /** A new run id. Default: the name, the due time and three random bytes. */
  readonly runId?: (schedule: Schedule, due: EpochMs) => string;
}
