import type { EventOf, Intent, JournalEvent } from '../core/events.ts';

/** What the events of a run say about what is left to do. */
export interface Outstanding {
  readonly started: EventOf<'run-started'> | undefined;
  /** Injections that may still be on, the latest first: the order in which they are recovered. */
  readonly intents: readonly Intent[];
  /** Indexes of the user's rollbacks that have not succeeded yet, though the method began. */
  readonly rollbacks: readonly number[];
  /** Injections whose target was found not to be as before after the recovery. */
  readonly unclean: readonly string[];
  /** Something was, or may have been, injected. */
  readonly touched: boolean;
  readonly finished: EventOf<'run-finished'> | undefined;
}

/**
 * An intent is outstanding from the moment it is written until it was seen that all is as before, whatever came in
 * between: a failed or half-done inject, a recover that nobody verified. One-shot faults leave nothing to undo.
 */
export function outstanding(events: readonly JournalEvent[]): Outstanding {
  let started: EventOf<'run-started'> | undefined;
  let finished: EventOf<'run-finished'> | undefined;
  let methodBegan = false;
  let touched = false;
  const intents = new Map<string, Intent>();
  const clean = new Map<string, boolean>();
  const rolledBack = new Set<number>();
  for (const event of events) {
    if (event.type === 'run-started') started ??= event;
    else if (event.type === 'run-finished') finished = event;
    else if (event.type === 'phase') methodBegan ||= event.phase === 'method';
    else if (event.type === 'intent') {
      touched = true;
      if (event.reversible) intents.set(event.injection, event);
    } else if (event.type === 'verified') {
      clean.set(event.injection, event.clean);
      if (event.clean) intents.delete(event.injection);
    } else if (event.type === 'accepted') {
      clean.delete(event.injection);
      intents.delete(event.injection);
    } else if (event.type === 'rollback' && event.ok) rolledBack.add(event.index);
  }
  const due = (methodBegan || touched) && started && !started.dryRun ? started.plan.experiment.spec.rollbacks : [];
  return {
    started,
    intents: [...intents.values()].reverse(),
    rollbacks: due.map((_, index) => index).filter((index) => !rolledBack.has(index)),
    unclean: [...clean].filter(([, is]) => !is).map(([injection]) => injection),
    touched,
    finished,
  };
}
