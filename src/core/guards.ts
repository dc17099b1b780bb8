import { blastLimit, heldBeside, heldByRun } from './blast-radius.ts';
import { formatDuration } from './duration.ts';
import type { EventOf, JournalEvent } from './events.ts';
import type { Experiment, Guards, Plan, PlannedStep } from './model.ts';
import type { Clock, SharedState } from './ports.ts';
import { windowRefusal } from './window.ts';

/** Why something is not done, and which guard says so. */
export interface Refusal {
  readonly guard: 'stop-lever' | 'window' | 'blast-radius' | 'min-interval' | 'budget' | 'environment' | 'no-target';
  readonly reason: string;
}

export interface GuardContext {
  readonly run: string;
  readonly clock: Clock;
  readonly shared: SharedState;
  /** Whether a fault stays on until it is recovered; false for a one-shot fault. */
  readonly lasting: (fault: string) => boolean;
  /** The name the caller gave to where we are, e.g. `production`; undefined when none was given. */
  readonly environment?: string | undefined;
}

/** Every refusal, so that a person sees all of them at once; empty: go. Ask while holding `shared.exclusive`. */
export function checkGuards(experiment: Experiment, plan: Plan, context: GuardContext): readonly Refusal[] {
  const { guards } = experiment.spec;
  return [
    lever(context),
    environment(guards, context),
    windowGuard(guards, context),
    minInterval(experiment, context),
    budget(guards, plan, context),
    ...targets(plan),
    ...plan.steps.map((step) => blastRadius(guards, step, plan, context)),
  ].filter((refusal) => refusal !== null);
}

/** What may change while a run goes on: asked again before each step. `now`: how many candidates there are now. */
export function checkStep(plan: Plan, step: PlannedStep, now: number, context: GuardContext): Refusal | null {
  const { guards } = plan.experiment.spec;
  // Those that a parallel branch has ended are counted as its victims already.
  const down = Math.max(0, step.candidates - now - heldBeside(plan, step, context.lasting).length);
  return lever(context) ?? windowGuard(guards, context) ?? blastRadius(guards, step, plan, context, down);
}

function lever({ shared }: GuardContext): Refusal | null {
  const pulled = shared.lever();
  if (!pulled) return null;
  const reason = `the stop lever is pulled by ${pulled.by}: ${pulled.reason}; \`zashiki stop --release\` lets runs go again`;
  return { guard: 'stop-lever', reason };
}

function environment(guards: Guards, context: GuardContext): Refusal | null {
  if (!guards.environment || guards.environment === context.environment) return null;
  const given = context.environment ? `this run says "${context.environment}"` : 'this run names none';
  const reason = `the experiment is for environment "${guards.environment}", ${given}; add --environment ${guards.environment}`;
  return { guard: 'environment', reason };
}

/** Why now is outside of the window, or null. */
export function windowGuard(guards: Guards, { clock }: Pick<GuardContext, 'clock'>): Refusal | null {
  const reason = guards.window ? windowRefusal(guards.window, clock.now()) : null;
  return reason === null ? null : { guard: 'window', reason };
}

function minInterval(experiment: Experiment, { shared, clock, run }: GuardContext): Refusal | null {
  const least = experiment.spec.guards.minInterval;
  if (least === undefined) return null;
  const going = shared
    .liveRuns(run)
    .some(([first]) => first?.type === 'run-started' && !first.dryRun && sameName(first, experiment));
  if (going) return { guard: 'min-interval', reason: 'a run of this experiment is going on right now' };
  const last = shared
    .history(least)
    .filter((entry) => entry.type === 'injected' && entry.experiment === experiment.metadata.name && entry.run !== run)
    .reduce<number | null>((latest, { at }) => (latest === null || at > latest ? at : latest), null);
  if (last === null) return null;
  const ago = formatDuration(Math.max(0, clock.now() - last));
  return { guard: 'min-interval', reason: `last injected ${ago} ago, at least ${formatDuration(least)} wanted` };
}

function budget(guards: Guards, plan: Plan, { run, shared }: GuardContext): Refusal | null {
  if (!guards.budget) return null;
  const spent = shared.history(guards.budget.per).filter(({ type }) => type === 'injected').length;
  const ahead = shared.liveRuns(run).reduce((sum, events) => sum + stillPlanned(events), 0);
  const asked = plan.steps.reduce((sum, step) => sum + step.victims.length, 0);
  if (spent + ahead + asked <= guards.budget.injections) return null;
  const per = formatDuration(guards.budget.per);
  const reason = `${spent} injections in the last ${per}, ${ahead} planned by live runs and ${asked} by this one; the budget is ${guards.budget.injections}`;
  return { guard: 'budget', reason };
}

const sameName = (started: EventOf<'run-started'>, { metadata }: Experiment) =>
  started.plan.experiment.metadata.name === metadata.name;

/** Victims that a live run has planned and not injected yet. */
function stillPlanned(events: readonly JournalEvent[]): number {
  const [first] = events;
  if (first?.type !== 'run-started' || first.dryRun) return 0;
  const planned = first.plan.steps.reduce((sum, { victims }) => sum + victims.length, 0);
  return Math.max(0, planned - events.filter(({ type }) => type === 'injected').length);
}

/** A step that would hit nothing is refused, but for a random share that may draw none. */
function targets(plan: Plan): readonly Refusal[] {
  return plan.steps
    .filter((step) => step.candidates === 0 && step.resolve === 'plan')
    .map(({ path, spared }) => {
      const why = spared.map(({ reason, count }) => `${count} spared: ${reason}`).join('; ');
      return { guard: 'no-target', reason: `${path}: no target matches the selector${why ? ` (${why})` : ''}` };
    });
}

/**
 * A step's victims, together with what else is hit at the same time on the same platform: by other steps of the plan,
 * by other live runs, and `down`: candidates that the run has ended and that have not come back.
 */
function blastRadius(guards: Guards, step: PlannedStep, plan: Plan, context: GuardContext, down = 0): Refusal | null {
  if (!guards.blastRadius) return null;
  const platform = step.victims[0]?.platform;
  const hit = new Set([...step.victims.map(({ id }) => id), ...heldBeside(plan, step, context.lasting)]);
  const own = hit.size;
  for (const id of context.shared.liveRuns(context.run).flatMap((events) => heldByRun(events, platform))) hit.add(id);
  const limit = blastLimit(guards.blastRadius, step.candidates);
  const total = hit.size + down;
  if (total <= limit) return null;
  const others = hit.size > own ? ` (${hit.size - own} of them by other live runs)` : '';
  const gone = down > 0 ? ` (${down} of them are down and have not come back)` : '';
  const allowed =
    'count' in guards.blastRadius ? `${limit}` : `${limit} (${guards.blastRadius.percent}% of ${step.candidates})`;
  const reason = `${step.path}: would hit ${total} targets at one time${others}${gone}, at most ${allowed} allowed`;
  return { guard: 'blast-radius', reason };
}
