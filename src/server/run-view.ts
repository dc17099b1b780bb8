import type { EventOf, JournalEvent } from '../core/events.ts';
import type { EpochMs, Outcome } from '../core/model.ts';

/** One run in a list. */
export interface RunRow {
  readonly run: string;
  /** Null while a sealed drill is on. */
  readonly experiment: string | null;
  readonly startedAt: EpochMs;
  readonly finishedAt: EpochMs | null;
  /** Null while it is on, or when its runner died. */
  readonly outcome: Outcome | null;
  readonly dryRun: boolean;
  readonly sealed: boolean;
}

/** Where runs are read from: the state folder's journals. */
export interface RunStore {
  /** Newest first. */
  listRuns(): Promise<readonly RunRow[]>;
  /** All events in file order; undefined for an unknown id. */
  readRun(run: string): Promise<readonly JournalEvent[] | undefined>;
  /** Each call of the result gives all events so far, at the cost of the new ones; undefined for an unknown id. */
  followRun(run: string): Promise<(() => readonly JournalEvent[]) | undefined>;
}

/** A list row from a run's events; undefined when they do not begin with `run-started`. */
export function runRow(events: readonly JournalEvent[]): RunRow | undefined {
  const started = events.find((event): event is EventOf<'run-started'> => event.type === 'run-started');
  if (!started) return undefined;
  const finished = finishOf(events);
  const { run, at, dryRun, sealed, plan } = started;
  return {
    run,
    experiment: plan.experiment.metadata.name,
    startedAt: at,
    finishedAt: finished?.at ?? null,
    outcome: finished?.outcome ?? null,
    dryRun,
    sealed,
  };
}

/** A row as it may be shown now. */
export const shownRow = (row: RunRow): RunRow =>
  row.sealed && row.finishedAt === null ? { ...row, experiment: null } : row;

/** Everything about one run but its events; a sealed one says little until it has finished. */
export function runDetail(events: readonly JournalEvent[]) {
  const row = runRow(events);
  if (!row) return undefined;
  if (hidden(events)) return { ...shownRow(row), verdict: null };
  const started = events.find((event): event is EventOf<'run-started'> => event.type === 'run-started');
  const finished = finishOf(events);
  return {
    ...row,
    seed: started?.plan.seed ?? null,
    replay: started?.replay ?? null,
    author: started?.author ?? null,
    plan: started?.plan ?? null,
    verdict: finished
      ? { outcome: finished.outcome, unverified: finished.unverified, reasons: finished.reasons }
      : null,
    events: events.length,
  };
}

/** A sealed drill that is still on: nobody sees its events. */
export function hidden(events: readonly JournalEvent[]): boolean {
  return events.some((event) => event.type === 'run-started' && event.sealed) && finishOf(events) === undefined;
}

export const finishOf = (events: readonly JournalEvent[]) =>
  events.findLast((event): event is EventOf<'run-finished'> => event.type === 'run-finished');
