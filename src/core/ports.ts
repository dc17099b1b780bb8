import type { Author, EventBody, Intent, JournalEvent } from './events.ts';
import type { EpochMs, Json, JsonObject, Milliseconds, Target, TargetRef } from './model.ts';

/** Time as an argument. `mono` never jumps; `sleep` rejects with the signal's reason when aborted. */
export interface Clock {
  now(): EpochMs;
  /** Milliseconds since some fixed point, the machine's boot where that is known. */
  mono(): Milliseconds;
  sleep(ms: Milliseconds, signal?: AbortSignal): Promise<void>;
}

/** Seeded randomness: the same seed gives the same draws on every machine. */
export interface Rng {
  /** A whole number in [0, n). */
  below(n: number): number;
  /** A number in [0, 1). */
  unit(): number;
}

/** Where a run's events go. */
export interface Journal {
  /**
   * Append one event. With `durable`, it is on disk before this returns. Throws `state-unwritable`; nothing may be
   * injected after that.
   */
  append(event: EventBody, options?: { readonly durable?: boolean }): JournalEvent;
  /** All events so far, including those that other processes appended. */
  read(): readonly JournalEvent[];
  /** True when another process (the reaper, `zashiki stop`) has appended: the run is no longer ours to drive. */
  overtaken(): boolean;
  /** Call back on each event appended here; returns the way to stop that. */
  subscribe(listener: (event: JournalEvent) => void): () => void;
}

/** What a fault may use besides its capabilities. */
export interface FaultContext {
  /** Unique over all runs, e.g. `20261121T071500-x3k9.i2` (letters, digits, `.`, `-`): tag what you create with it. */
  readonly tag: string;
  /** The longest time the fault will be on; null: until the run ends. Helpers should end themselves after it. */
  readonly ttl: Milliseconds | null;
  /** A folder of our own, mode 0700, for copies of what must be restored; removed after the injection is verified. */
  readonly keep: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** A stable id of this installation (its state folder): mark with it what other installations can see too. */
  readonly owner: string;
  /**
   * For a fault that `shares` something: the undo records of all other injections on it that are on right now, oldest
   * first. Nobody else changes what is shared while inject or recover runs, so read them there, every time anew.
   */
  siblings(): readonly Json[];
  /** Addresses of the targets that match a selector of a platform, e.g. of the peers to be cut off. */
  addressesOf(platform: string, selector: JsonObject): Promise<readonly string[]>;
  /** Whether what is on is to be held on still; it is let go of when not. Absent: for as long as we live. */
  wanted?(): boolean;
}

/** How injections that share one thing, of whatever run, keep out of each other's way. */
export interface Sharing {
  readonly owner: string;
  /** Run `work` while no other Zashiki process does so. Throws `lock-busy` when one keeps it for `patience`. */
  exclusive<T>(work: () => Promise<T>, patience?: Milliseconds): Promise<T>;
  /** Undo records of the injections of this name that are on right now, oldest first, but one. */
  siblings(shares: string, except: { readonly run: string; readonly injection: string }): readonly Json[];
}

/** Whether something is so, and what was seen. */
export interface Sighting {
  readonly yes: boolean;
  readonly detail: string;
  /** Whoever keeps it for us has taken it off by itself: a lease was over, an agent was started again. */
  readonly ended?: boolean;
}

/** A fault as the engine sees it: it passes capabilities through without knowing them. See faults/fault.ts. */
export interface FaultPort {
  readonly id: string;
  readonly summary: string;
  readonly params: Schema;
  readonly needs: readonly string[];
  readonly reversible: boolean;
  readonly undoneBy: string;
  plan(on: object, params: never, context: FaultContext): Promise<Json>;
  inject(on: object, params: never, undo: never, context: FaultContext): Promise<void>;
  observe(on: object, params: never, undo: never, context: FaultContext): Promise<Sighting>;
  recover(on: object, undo: never, context: FaultContext): Promise<void>;
  verify(on: object, undo: never, context: FaultContext): Promise<Sighting>;
  /** What the injection will change, when that is more than this target by this fault; see faults/fault.ts. */
  claims?(undo: never): readonly string[] | undefined;
  shares?(undo: never): string | undefined;
  describe?(undo: never): string | undefined;
  foresee?(
    on: object,
    params: never,
    context: Pick<FaultContext, 'addressesOf' | 'signal'>,
  ): Promise<string | undefined>;
}

/** A platform as the engine sees it. See platforms/platform.ts. */
export interface PlatformPort {
  readonly id: string;
  readonly selector: Schema;
  discover(selector: never, signal?: AbortSignal): Promise<readonly Target[]>;
  offers(target: TargetRef): readonly string[];
  check(target: TargetRef): Promise<'same' | 'gone'>;
  /** Why this target may never be hit, as seen now from this process; null when it may, or when it is gone. */
  spare(target: TargetRef): Promise<string | null>;
  attach(target: TargetRef): Promise<object>;
  addresses?(target: TargetRef): Promise<readonly string[]>;
}

/** One look at the system. `value` is what the tolerance is held against and what the report shows. */
export interface Reading {
  readonly value: Json;
  /** The read itself failed (refused, timed out, not found): never within any tolerance. */
  readonly error?: string;
}

/** A probe as the engine sees it. See probes/probe.ts. */
export interface ProbePort {
  readonly id: string;
  readonly params: Schema;
  readonly tolerance: Schema;
  read(params: never, signal: AbortSignal, context: ProbeContext): Promise<Reading>;
  judge(reading: Reading, tolerance: never): string | null;
  /** What of a reading's value goes into the journal; absent: all of it. */
  brief?(value: Json): Json;
}

/** What a probe may ask of the rest of the house. */
export interface ProbeContext {
  /** How many living targets match a platform's selector. */
  count(platform: string, selector: JsonObject): Promise<number>;
}

/** What the engine needs of a zod schema: input form in, output form out, or a throw. */
export interface Schema {
  parse(value: unknown): unknown;
}

/** The user's own clean-up actions. Throws when the action fails. */
export type RollbackAction = (
  id: 'exec' | 'http',
  params: JsonObject,
  signal: AbortSignal,
  cwd?: string,
) => Promise<string>;

/** Everything that can be named in a document. Each throws `unknown-…` with the nearest spelling as its hint. */
export interface Catalogue {
  fault(id: string): FaultPort;
  platform(id: string): Promise<PlatformPort>;
  probe(id: string): ProbePort;
  readonly rollback: RollbackAction;
}

/** The reaper as the engine sees it: undoes what is overdue, and everything once we are gone. */
export interface SafetyNet {
  /** Started and watching before this resolves; without it nothing is injected. */
  start(): Promise<void>;
  /** From now on `intent` is undone after its ttl if we do not disarm it first. */
  arm(intent: Intent): void;
  disarm(injection: string): void;
  /** All is recovered; the reaper may go. */
  finish(): Promise<void>;
  /** The run cannot be brought to its end here: the reaper takes it over now. */
  abandon(): void;
}

/** What one engine shares with all others on this machine. */
export interface SharedState extends Sharing {
  /** Like `exclusive`, for the injections of one run. */
  exclusiveRun<T>(run: string, work: () => Promise<T>): Promise<T>;
  /** Why the stop lever is pulled, or null. */
  lever(): { readonly reason: string; readonly by: string } | null;
  /** Journals of runs that still live, ours left out. */
  liveRuns(except: string): readonly (readonly JournalEvent[])[];
  /** Injections of all runs, this one and dead ones too, that may still be on. */
  outstanding(): readonly (Intent & { readonly run: string })[];
  /** Events `injected` and `run-started` of the last `span`, over all runs. */
  history(span: Milliseconds): readonly {
    readonly run: string;
    readonly experiment: string;
    readonly at: EpochMs;
    readonly type: 'injected' | 'run-started';
  }[];
  /** The copy folder of one injection; made on demand. */
  keepFolder(run: string, injection: string): string;
  /** Nobody needs the copies of this injection any more. Never throws. */
  dropKept(run: string, injection: string): void;
}

export type { Author };
