import type { ExperimentSpec, Metadata, Milliseconds, Window } from '../model.ts';

/** One validated schedule: an experiment, and when it is run again and again. */
export interface Schedule {
  readonly apiVersion: 'zashiki.dev/v1';
  readonly kind: 'Schedule';
  readonly metadata: Metadata;
  readonly spec: ScheduleSpec;
}

/** When a run is due. Exactly one of these. */
export type Timing =
  /** A fixed rhythm, counted from the moment the schedule began. */
  | { readonly every: Milliseconds }
  /** Five or six fields, a descriptor such as `@daily`, or `@every 10m`. */
  | { readonly cron: string }
  /** The next run is drawn evenly between these two spans after the last one. */
  | { readonly random: { readonly min: Milliseconds; readonly max: Milliseconds } }
  /** Geometric: each unit of time has the same chance, so that the mean distance is this span; per group. */
  | { readonly meanTimeBetween: Milliseconds };

export interface ScheduleSpec {
  readonly schedule: Timing;
  /** IANA name. Default: the machine's zone. */
  readonly timezone?: string | undefined;
  /** A run that is due outside of it is missed. */
  readonly window?: Window | undefined;
  /** When a run is due while the last one still goes on. Default `Forbid`. */
  readonly concurrencyPolicy: 'Forbid' | 'Allow' | 'Replace';
  /** What happens to runs that were due while the daemon was down. Default `skip`. */
  readonly missedRuns: 'skip' | 'once' | 'all';
  /** A run that is later than this is missed. Absent: no limit. */
  readonly startingDeadline?: Milliseconds | undefined;
  /** How many finished runs are kept. Default 10. */
  readonly historyLimit: number;
  readonly suspend: boolean;
  /** Nobody sees what was hit until the drill ends. */
  readonly sealed: boolean;
  readonly experiment: ExperimentSpec;
}
