import { randomBytes } from 'node:crypto';
import type { EpochMs } from '../core/model.ts';
import type { Schedule } from '../core/schedule/model.ts';
import { toPrune } from '../core/schedule/policy.ts';
import type { RunOutcome } from '../core/schedule/state.ts';
import type { Book } from './schedule-book.ts';
import type { SchedulesOptions } from './schedule-options.ts';

/** The runs of one schedule that are under way. */
export interface Runs {
  count(): number;
  /** Write the run down, then start it. Does not wait for its end. Throws `state-unwritable`: nothing was started. */
  start(group: string, due: EpochMs): void;
  /** Tell all runs to end. */
  abort(reason: Error): void;
  ended(): Promise<unknown>;
}

export function followRuns(schedule: Schedule, options: SchedulesOptions, book: Book): Runs {
  const { clock, signal } = options;
  const running = new Map<string, { readonly end: AbortController; readonly ended: Promise<void> }>();

  const finish = (run: string, outcome: RunOutcome, error?: unknown) => {
    running.delete(run);
    book.tell({ type: 'finished', run, outcome, ...(error === undefined ? {} : { error }) });
    try {
      book.record({ type: 'finished', at: clock.now(), run, outcome });
      const runs = toPrune(book.state().history, schedule.spec.historyLimit);
      if (runs.length === 0) return;
      book.record({ type: 'pruned', at: clock.now(), runs });
      book.tell({ type: 'prune', runs });
    } catch (trouble) {
      book.tell({ type: 'trouble', error: trouble });
    }
  };

  return {
    count: () => running.size,
    start(group, due) {
      const run = options.runId?.(schedule, due) ?? runIdFor(schedule.metadata.name, due);
      book.record({ type: 'fired', at: clock.now(), group, due, run });
      book.tell({ type: 'fired', group, due, run });
      const end = new AbortController();
      const firing = { run, due, group, signal: AbortSignal.any([signal, end.signal]) };
      const ended = Promise.resolve()
        .then(() => options.fire(schedule, firing))
        .then(
          (outcome) => finish(run, outcome),
          (error) => finish(run, 'failed', error),
        );
      running.set(run, { end, ended });
    },
    abort(reason) {
      book.tell({ type: 'replacing', runs: [...running.keys()] });
      for (const { end } of running.values()) end.abort(reason);
    },
    ended: () => Promise.all([...running.values()].map(({ ended }) => ended)),
  };
}

function runIdFor(name: string, due: EpochMs): string {
  const stamp = new Date(due).toISOString().replace(/[-:]|\.\d+Z/g, '');
  return `${name}-${stamp}-${randomBytes(3).toString('hex')}`;
}
