/**
 * The domain on one page. Read this first.
 *
 * A file, a flag or an API call becomes an Experiment. An Experiment plus an inventory plus a seed becomes a Plan:
 * the exact targets, pinned. Guards may refuse it. A Run carries it out and appends every step to a Journal. All that
 * a person sees (console, report, verdict) is computed from those events.
 */

/** Plain JSON: what may be written to a journal and read back in another process. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

/** A span of time in whole milliseconds. Documents write it as `250ms`, `2s`, `1h30m`. */
export type Milliseconds = number;
/** Wall-clock time, milliseconds since 1970-01-01 UTC. For people; never for deadlines. */
export type EpochMs = number;

// ── The document ────────────────────────────────────────────────────────────────────────────────────────────────────

export interface Metadata {
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/** One validated experiment: what must stay true, what is done, and how far it may go. */
export interface Experiment {
  readonly apiVersion: 'zashiki.dev/v1';
  readonly kind: 'Experiment';
  readonly metadata: Metadata;
  readonly spec: ExperimentSpec;
}

export interface ExperimentSpec {
  readonly description?: string | undefined;
  /** Drawn and recorded when absent. */
  readonly seed?: number | undefined;
  /** Empty: the run is marked unverified. */
  readonly steadyStateHypothesis: readonly Hypothesis[];
  readonly method: readonly Step[];
  /** The user's own clean-up, run after all faults are recovered, whenever the method began. */
  readonly rollbacks: readonly Rollback[];
  readonly guards: Guards;
  /** Any of these out of tolerance ends the run at once. */
  readonly stopWhen: readonly StopCondition[];
}

/** Exactly one entry: the probe's id and its parameters, e.g. `{ http: { url } }`. */
export interface ProbeSpec {
  readonly id: string;
  readonly params: JsonObject;
}

/** One statement about the system's normal behaviour, and how it is read. */
export interface Hypothesis {
  readonly name: string;
  readonly probe: ProbeSpec;
  /** Judged by the probe; each probe documents its own form. */
  readonly tolerance: Json;
  /** Time between the starts of two readings. Default 1s. */
  readonly every: Milliseconds;
  /** While a fault is on: the least share of good readings, 0..1. Absent: read, but not judged. */
  readonly during?: { readonly atLeast: number } | undefined;
  /** After the last recover (or one-shot inject): the longest time until stable again. Default 30s. */
  readonly recoversWithin: Milliseconds;
}

export interface StopCondition {
  readonly name: string;
  readonly probe: ProbeSpec;
  readonly tolerance: Json;
  readonly every: Milliseconds;
}

export type Step = FaultStep | PauseStep | GroupStep;

interface StepBase {
  readonly name?: string | undefined;
  /** The step runs only if this probe is within its tolerance when the step begins. */
  readonly when?: { readonly probe: ProbeSpec; readonly tolerance: Json } | undefined;
}

export interface FaultStep extends StepBase {
  readonly kind: 'fault';
  readonly fault: string;
  readonly target: TargetSpec;
  readonly mode: Mode;
  /** The number or percentage that `mode` needs. */
  readonly value?: number | undefined;
  readonly params: JsonObject;
  /** How long the fault stays on. Absent: a lasting fault stays until the method ends. */
  readonly duration?: Milliseconds | undefined;
  /** `plan`: victims are pinned in the plan. `step`: chosen, with the same seed, when the step begins. */
  readonly resolve: 'plan' | 'step';
  /** While the fault is on, new targets that match are hit, too, as far as mode and blast radius allow. */
  readonly reselect?: boolean | undefined;
  /** Only targets of this group. Set by a schedule that draws for each group by itself; not part of the document. */
  readonly group?: string | undefined;
}

export interface PauseStep extends StepBase {
  readonly kind: 'pause';
  readonly pause: Milliseconds;
}

export interface GroupStep extends StepBase {
  readonly kind: 'serial' | 'parallel';
  readonly steps: readonly Step[];
}

/** Which platform is asked, and its own selector (validated by the platform's schema). */
export interface TargetSpec {
  readonly platform: string;
  readonly selector: JsonObject;
}

export type Mode = 'one' | 'all' | 'fixed' | 'fixed-percent' | 'random-max-percent';

export interface Rollback {
  readonly name: string;
  readonly action: { readonly id: 'exec' | 'http'; readonly params: JsonObject };
}

export interface Guards {
  /** Most targets hit at one time: a count, or a share of the candidates, over all running experiments. */
  readonly blastRadius?: { readonly count: number } | { readonly percent: number } | undefined;
  readonly window?: Window | undefined;
  /** Least time since the last run of the experiment of this name began injecting. */
  readonly minInterval?: Milliseconds | undefined;
  /** Most injections of all experiments together in a rolling span. */
  readonly budget?: { readonly injections: number; readonly per: Milliseconds } | undefined;
  /** The run must be started with this very environment name. */
  readonly environment?: string | undefined;
  /** Targets that match are never candidates: exact names, or `re2:` patterns. */
  readonly protect?: readonly string[] | undefined;
}

/** When chaos may happen. Minutes are inclusive at both ends; a range may wrap (Fri-Mon, 22:00-06:00). */
export interface Window {
  /** 0 = Sunday … 6 = Saturday. */
  readonly days: readonly number[];
  /** Minutes of the day, both inclusive. */
  readonly from: number;
  readonly to: number;
  /** IANA name. Default: the machine's zone. */
  readonly timezone?: string | undefined;
  /** Local dates, `2026-01-01` or yearly `01-01`, on which nothing happens. */
  readonly holidays: readonly string[];
}

// ── Targets ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** A pinned target: enough to find exactly this one again, or to know that it is gone. */
export interface TargetRef {
  readonly platform: string;
  /** Unique on its platform at a time, e.g. `pid:4711`. Candidates are ordered by it. */
  readonly id: string;
  /** For people, e.g. `nginx`. */
  readonly name: string;
  /** What makes it this very one, e.g. `{ pid, startTime, bootId }`. */
  readonly identity: JsonObject;
  /** What else tells a person which one it is, e.g. its command line; at most 120 characters. */
  readonly about?: string | undefined;
}

/** What discovery finds. */
export interface Target extends TargetRef {
  readonly labels: Readonly<Record<string, string>>;
  /** Why this target may never be hit, if so: `pid 1`, `a kernel thread`, … */
  readonly protected?: string | undefined;
  /** Peers that stand in for each other (a service, a deployment); default: none. */
  readonly group?: string | undefined;
}

// ── Plan ────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Same experiment, same seed, same inventory: the same bytes. Holds no time and no random id. */
export interface Plan {
  readonly apiVersion: 'zashiki.dev/v1';
  readonly kind: 'Plan';
  readonly experiment: Experiment;
  readonly seed: number;
  /** One per fault step, in document order. */
  readonly steps: readonly PlannedStep[];
  /** sha256 over the rest. */
  readonly hash: string;
}

export interface PlannedStep {
  /** Where in the document, e.g. `method[0]` or `method[2].parallel[1]`. */
  readonly path: string;
  readonly fault: string;
  readonly candidates: number;
  readonly victims: readonly TargetRef[];
  /** Candidates left out, and why, at most one line per reason. */
  readonly spared: readonly { readonly reason: string; readonly count: number }[];
  /** `step`: `victims` is what the choice would be now; it is made anew when the step begins. */
  readonly resolve: 'plan' | 'step';
  /** How the fault would be done on the first victim, or why it would not, where that depends on the machine. */
  readonly how?: string;
}

// ── Outcome ─────────────────────────────────────────────────────────────────────────────────────────────────────────

export type Outcome = 'held' | 'deviated' | 'skipped' | 'refused' | 'rollback-incomplete';

/** Process exit codes. 3 always wins. */
export const exitCodes = {
  held: 0,
  deviated: 1,
  usage: 2,
  'rollback-incomplete': 3,
  skipped: 4,
  refused: 5,
} as const satisfies Record<Outcome | 'usage', number>;

export interface Verdict {
  readonly outcome: Outcome;
  /** No hypothesis was given, so nothing was judged. */
  readonly unverified: boolean;
  /** One line each: what decided it. */
  readonly reasons: readonly string[];
}
