import type { EpochMs, Milliseconds } from '../core/model.ts';
import type { RunOutcome } from '../core/schedule/state.ts';

/** What the loop tells while it goes on, for the log and for notifiers. The store holds what must survive. */
export type ScheduleEvent = { readonly schedule: string; readonly at: EpochMs } & (
  | { readonly type: 'started' }
  /** Counting starts here: first start, a changed timing, the end of a suspension, a clock that was set back. */
  | { readonly type: 'anchored'; readonly reason: string }
  | { readonly type: 'planned'; readonly group: string; readonly next: EpochMs; readonly wait: Milliseconds }
  | { readonly type: 'fired'; readonly group: string; readonly due: EpochMs; readonly run: string }
  | {
      readonly type: 'finished';
      readonly run: string;
      readonly outcome: RunOutcome;
      /** Why it is `failed`. */
      readonly error?: unknown;
    }
  /** `count` due times, the last at `due`, are not run. */
  | {
      readonly type: 'missed';
      readonly group: string;
      readonly due: EpochMs;
      readonly count: number;
      readonly reason: string;
    }
  /** A due time that is not run, or is passed over beforehand, because the window is closed. */
  | { readonly type: 'outside-window'; readonly group: string; readonly due: EpochMs; readonly reason: string }
  /** An earlier life wrote this run down as fired and died before it finished. It is not repeated. */
  | { readonly type: 'interrupted'; readonly run: string; readonly due: EpochMs }
  /** The newest run under way is being ended for the one that is due. */
  | { readonly type: 'replacing'; readonly runs: readonly string[] }
  /** The wall clock moved by this much against the monotonic one: set by hand or by NTP, or the machine slept. */
  | { readonly type: 'clock-jumped'; readonly by: Milliseconds }
  /** Finished runs beyond the history limit, oldest first: their journals may go. */
  | { readonly type: 'prune'; readonly runs: readonly string[] }
  | { readonly type: 'suspended' }
  /** No due time is left. */
  | { readonly type: 'ended'; readonly reason: string }
  | { readonly type: 'trouble'; readonly error: unknown }
);
