import type { EpochMs, Json, JsonObject, Milliseconds, Outcome, Plan, TargetRef } from './model.ts';

/** Who changed something: `run`, `reaper`, `recover`, `startup`, with the person behind it. */
export interface Author {
  readonly role: 'run' | 'reaper' | 'recover' | 'startup' | 'daemon';
  readonly user: string;
}

/** A process that cannot be confused with a later one of the same pid. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks since boot, field 22 of /proc/PID/stat; the empty string where there is no /proc. */
  readonly startTime: string;
  readonly bootId: string;
  /** Machine and pid namespace in which the pid means something; absent in old journals. */
  readonly place?: string;
}

export type Phase = 'before' | 'method' | 'recover' | 'after' | 'rollback' | 'done';

/** One live application of a fault to one target, as written down before it happens. */
export interface Intent {
  /** Unique in the run, e.g. `i3`. */
  readonly injection: string;
  /** Path of the step in the document. */
  readonly step: string;
  readonly fault: string;
  readonly target: TargetRef;
  readonly params: JsonObject;
  /** Everything that recover needs, as plain JSON. */
  readonly undo: Json;
  /** False for a one-shot fault: nothing stays that could be undone. */
  readonly reversible: boolean;
  /** What it changes, e.g. `file:254:1234`: no second injection may change it before this one is recovered. */
  readonly claims?: readonly string[];
  /** What it builds together with other injections of the same name. */
  readonly shares?: string;
  /** How it is done, where there are several ways. */
  readonly note?: string;
  /** The reaper undoes it this long after `injected` at the latest; null: when the run ends. */
  readonly ttl: Milliseconds | null;
}

/** What happened, in order. The journal is a list of these and the only truth of a run. */
export type EventBody =
  | {
      readonly type: 'run-started';
      readonly run: string;
      readonly plan: Plan;
      readonly runner: ProcessIdentity;
      readonly host: string;
      /** The runner's folder: rollbacks run there, whoever runs them. */
      readonly cwd?: string;
      readonly version: string;
      /** The command line that replays the run. */
      readonly replay: string;
      readonly author: Author;
      readonly sealed: boolean;
      readonly dryRun: boolean;
    }
  | { readonly type: 'reaper-started'; readonly reaper: ProcessIdentity }
  | { readonly type: 'guard-refused'; readonly guard: string; readonly reason: string; readonly step?: string }
  | { readonly type: 'phase'; readonly phase: Phase }
  | {
      readonly type: 'probe';
      /** Index in `steadyStateHypothesis`, or in `stopWhen`. */
      readonly of: 'hypothesis' | 'stopWhen';
      readonly index: number;
      readonly phase: Phase;
      readonly ok: boolean;
      /** What was read: a status, a count, a sample. */
      readonly value: Json;
      readonly took: Milliseconds;
      /** Why it is out of tolerance, or what went wrong. */
      readonly why?: string;
    }
  | { readonly type: 'step-started'; readonly step: string; readonly label: string }
  | { readonly type: 'step-finished'; readonly step: string }
  | { readonly type: 'victims-chosen'; readonly step: string; readonly victims: readonly TargetRef[] }
  | { readonly type: 'step-skipped'; readonly step: string; readonly reason: string }
  | ({ readonly type: 'intent' } & Intent)
  | { readonly type: 'injected'; readonly injection: string; readonly took: Milliseconds }
  | { readonly type: 'inject-failed'; readonly injection: string; readonly error: ErrorRecord }
  | { readonly type: 'would-inject'; readonly step: string; readonly fault: string; readonly target: TargetRef }
  /** `early`: it was real, and was found off before its time. */
  | {
      readonly type: 'observed';
      readonly injection: string;
      readonly real: boolean;
      readonly detail: string;
      readonly early?: boolean;
    }
  | {
      readonly type: 'recovered';
      readonly injection: string;
      readonly author: Author;
      readonly took: Milliseconds;
      /** `gone`: the target no longer exists, so nothing of the fault can be left on it. */
      readonly how: 'undone' | 'gone';
    }
  | {
      readonly type: 'recover-failed';
      readonly injection: string;
      readonly author: Author;
      readonly error: ErrorRecord;
    }
  /** A person took the state as it is: nothing more is tried for this injection. */
  | { readonly type: 'accepted'; readonly injection: string; readonly author: Author }
  | { readonly type: 'verified'; readonly injection: string; readonly clean: boolean; readonly detail: string }
  | {
      readonly type: 'rollback';
      readonly index: number;
      readonly ok: boolean;
      readonly detail: string;
      readonly author: Author;
    }
  | { readonly type: 'aborted'; readonly reason: string; readonly author: Author }
  | { readonly type: 'warning'; readonly message: string }
  | {
      readonly type: 'run-finished';
      readonly outcome: Outcome;
      readonly unverified: boolean;
      readonly reasons: readonly string[];
      readonly author: Author;
    };

export interface ErrorRecord {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
}

/** An event as it stands in the journal, one JSON object a line. */
export type JournalEvent = EventBody & {
  /** 1, 2, 3 … without a gap within one writer; readers order by position in the file. */
  readonly seq: number;
  readonly at: EpochMs;
  /** Milliseconds since boot: differences within one boot are right even when the wall clock jumps. */
  readonly mono: Milliseconds;
};

export type EventOf<T extends EventBody['type']> = Extract<JournalEvent, { readonly type: T }>;
