import type { JournalEvent } from './events.ts';
import type { Experiment, Verdict } from './model.ts';

/** One run, as every door (command line, API, chat, timer) asks for it. */
export interface RunRequest {
  readonly experiment: Experiment;
  /** The person or door behind it; written into the journal. */
  readonly author: string;
  /** False: dry run, nothing is injected. */
  readonly execute: boolean;
  /** A drill: nobody is told what was hit until the run ends. */
  readonly sealed?: boolean;
  /** The run's id, from `newRunId`, when it had to be known beforehand. */
  readonly id?: string;
  /** Overrides the seed of the document. */
  readonly seed?: number;
}

export interface RunResult {
  readonly run: string;
  readonly verdict: Verdict;
  readonly events: readonly JournalEvent[];
}

/** What a stop came to. */
export interface Stopped {
  /** Runs that were in flight, or had crashed, and have nothing on any more. */
  readonly stopped: readonly string[];
  /** What is still on, or could not be recovered: one line each, which begins with the run. */
  readonly outstanding: readonly string[];
  /** Why the stop lever itself could not be pulled, so that new runs may still begin; null: it is pulled. */
  readonly leverError: string | null;
}

/** The engine as the doors see it. `onEvent` is called in order, `run-started` first, before anything is injected. */
export interface EnginePort {
  /** Aborting `signal` recovers what is on and ends the run. Throws only when no run could be begun. */
  run(
    request: RunRequest,
    options?: { readonly signal?: AbortSignal; readonly onEvent?: (event: JournalEvent) => void },
  ): Promise<RunResult>;
  /**
   * Pull the stop lever: recover everything in flight, refuse new runs until released. What could not be done is in
   * the result. Throws `state-unwritable` when others may write to the state folder.
   */
  stop(reason: string, by: string): Promise<Stopped>;
  /** Let runs begin again. */
  release(by: string): Promise<void>;
}
