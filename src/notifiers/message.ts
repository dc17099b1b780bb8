import { formatDuration } from '../core/duration.ts';
import type { EventOf, JournalEvent } from '../core/events.ts';
import { measure } from '../core/measure.ts';
import type { Milliseconds, Plan } from '../core/model.ts';
import type { Notice, RunStarted } from './notifier.ts';

/** At most this many targets are named; the rest is counted. */
const named = 5;

/** The announcement of a run, made before anything is injected. A sealed drill says only that it has begun. */
export function announcement(started: RunStarted): Notice {
  const { run, at } = started;
  if (started.sealed) {
    return { kind: 'announce', run, at, text: 'A drill has begun.', facts: { event: 'announce', sealed: true } };
  }
  const { experiment } = started.plan;
  const targets = plannedTargets(started.plan);
  const faults = [...new Set(started.plan.steps.map((step) => step.fault))];
  const text = [
    `${started.dryRun ? 'Dry run: ' : ''}${experiment.metadata.name} begins: ${faults.join(', ') || 'no fault'}`,
    `on ${listed(targets)}. By ${started.author.user}, run ${run}.`,
  ].join(' ');
  return {
    kind: 'announce',
    run,
    at,
    text,
    facts: {
      event: 'announce',
      run,
      experiment: experiment.metadata.name,
      faults,
      targets,
      author: started.author.user,
      host: started.host,
      dryRun: started.dryRun,
    },
  };
}

/**
 * The report of a finished run, read from its events; undefined while it has not finished. The drill is over by then,
 * so a sealed run is told in full.
 */
export function report(
  events: readonly JournalEvent[],
  recoveryOf: (events: readonly JournalEvent[]) => Milliseconds | null = (all) => measure(all).recovery,
): Notice | undefined {
  const started = events.find((event): event is RunStarted => event.type === 'run-started');
  const finished = events.findLast((event): event is EventOf<'run-finished'> => event.type === 'run-finished');
  if (!started || !finished) return undefined;
  const { run } = started;
  const name = started.plan.experiment.metadata.name;
  const targets = hitTargets(events);
  const hypotheses = started.plan.experiment.spec.steadyStateHypothesis.length;
  const recovery = hypotheses > 0 && !started.dryRun && targets.length > 0 ? recoveryOf(events) : null;
  const judged = finished.unverified ? `${finished.outcome} (unverified: no hypothesis)` : finished.outcome;
  const text = [
    `${started.sealed ? 'The drill is over. ' : ''}${started.dryRun ? 'Dry run: ' : ''}${name}: ${judged}.`,
    targets.length === 0 ? 'Nothing was hit.' : `${started.dryRun ? 'Would hit' : 'Hit'} ${listed(targets)}.`,
    recovery === null
      ? ''
      : recovery === 0
        ? 'Steady state was never lost.'
        : `Recovered in ${formatDuration(recovery)}.`,
    finished.outcome === 'held' ? '' : finished.reasons.join('; '),
    `Run ${run}.`,
  ];
  return {
    kind: 'report',
    run,
    at: finished.at,
    text: text.filter(Boolean).join(' '),
    facts: {
      event: 'report',
      run,
      experiment: name,
      outcome: finished.outcome,
      unverified: finished.unverified,
      reasons: finished.reasons,
      targets,
      recoveryMs: recovery,
      author: started.author.user,
      host: started.host,
      dryRun: started.dryRun,
      sealed: started.sealed,
    },
  };
}

const plannedTargets = (plan: Plan) =>
  unique(plan.steps.flatMap((step) => step.victims.map((victim) => `${victim.name} (${victim.id})`)));

function hitTargets(events: readonly JournalEvent[]): readonly string[] {
  const intents = new Map<string, string>();
  const hit: string[] = [];
  for (const event of events) {
    if (event.type === 'intent') intents.set(event.injection, `${event.target.name} (${event.target.id})`);
    else if (event.type === 'injected') hit.push(intents.get(event.injection) ?? event.injection);
    else if (event.type === 'would-inject') hit.push(`${event.target.name} (${event.target.id})`);
  }
  return unique(hit);
}

const unique = (names: readonly string[]) => [...new Set(names)];

function listed(names: readonly string[]): string {
  if (names.length === 0) return 'nothing';
  const rest = names.length - named;
  return names.slice(0, named).join(', ') + (rest > 0 ? ` and ${rest} more` : '');
}
