import { formatDuration } from '../duration.ts';
import { checkStep } from '../guards.ts';
import type { FaultStep, Milliseconds, PauseStep, Plan, PlannedStep, Step } from '../model.ts';
import { planStep } from '../plan.ts';
import type { Journal } from '../ports.ts';
import type { Injection } from './injector.ts';
import type { MethodPorts } from './method-ports.ts';
import { reselect } from './reselect.ts';
import { createSampler } from './sampler.ts';

/** Carry out the steps in order. Rejects with the signal's reason when aborted; recovers nothing by itself then. */
export async function runSteps(
  plan: Plan,
  steps: readonly Step[],
  ports: MethodPorts,
  signal: AbortSignal,
  prefix = 'method',
): Promise<void> {
  for (const [index, step] of steps.entries()) await runStep(plan, step, `${prefix}[${index}]`, ports, signal);
}

async function runStep(plan: Plan, step: Step, path: string, ports: MethodPorts, signal: AbortSignal): Promise<void> {
  const { journal } = ports;
  signal.throwIfAborted();
  if (step.when && !(await holds(step, ports, signal))) {
    journal.append({ type: 'step-skipped', step: path, reason: 'its condition `when` does not hold' });
    return;
  }
  journal.append({ type: 'step-started', step: path, label: step.name ?? labelOf(step) });
  switch (step.kind) {
    case 'pause':
      await ports.clock.sleep(step.pause, signal);
      break;
    case 'serial':
      await runSteps(plan, step.steps, ports, signal, `${path}.serial`);
      break;
    case 'parallel':
      await together(signal, step.steps, (inner, index, branch) =>
        runStep(plan, inner, `${path}.parallel[${index}]`, ports, branch),
      );
      break;
    case 'fault':
      await runFault(plan, step, path, ports, signal);
  }
  journal.append({ type: 'step-finished', step: path });
}

/** Runs all branches; the first that fails ends the others. Waits for all, so that none goes on alone. */
async function together(
  signal: AbortSignal,
  steps: readonly Step[],
  run: (step: Step, index: number, branch: AbortSignal) => Promise<void>,
): Promise<void> {
  const failed = new AbortController();
  const branch = AbortSignal.any([signal, failed.signal]);
  const results = await Promise.allSettled(
    steps.map((step, index) =>
      run(step, index, branch).catch((error: unknown) => {
        failed.abort(error);
        throw error;
      }),
    ),
  );
  if (failed.signal.aborted) throw failed.signal.reason;
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}

const labelOf = (step: Step): string => {
  if (step.kind === 'pause') return `pause ${formatDuration((step as PauseStep).pause)}`;
  return step.kind === 'fault' ? step.fault : step.kind;
};

async function holds(step: Step, ports: MethodPorts, signal: AbortSignal): Promise<boolean> {
  const when = step.when as NonNullable<Step['when']>;
  const condition = { name: 'when', every: 0, ...when };
  // The condition's own reading is not one of the hypothesis: it goes to a journal that keeps nothing.
  const silent: Journal = { ...ports.journal, append: (event) => ({ ...event, seq: 0, at: 0, mono: 0 }) };
  return createSampler('stopWhen', -1, condition, { ...ports, journal: silent }).once('method', signal);
}

async function runFault(
  plan: Plan,
  step: FaultStep,
  path: string,
  ports: MethodPorts,
  signal: AbortSignal,
): Promise<void> {
  const { journal } = ports;
  const planned = await admit(plan, step, path, ports, signal);
  if (!planned) return;
  if (planned.victims.length === 0) {
    journal.append({ type: 'step-skipped', step: path, reason: `no victim among ${planned.candidates} candidates` });
    return;
  }
  const results = await Promise.allSettled(
    planned.victims.map((victim) => ports.executor.inject(path, step, victim, signal, ports.began)),
  );
  const live = results.flatMap((result) => (result.status === 'fulfilled' && result.value ? [result.value] : []));
  for (const result of results) if (result.status === 'rejected') throw result.reason;
  for (const injection of live) injection.hold();
  // Nothing is on (a dry run, a victim that is gone), so there is nothing to wait for.
  if (step.duration === undefined || live.length === 0) {
    await Promise.all(live.map((injection) => injection.observe(signal)));
    return;
  }
  const over = new AbortController();
  const [held, more] = await Promise.allSettled([
    during(live, step.duration, ports, signal).finally(() => over.abort()),
    step.reselect ? reselect(plan, step, path, planned.victims, ports, signal, over.signal) : [],
  ]);
  if (held.status === 'rejected') throw held.reason;
  if (more.status === 'rejected') throw more.reason;
  await Promise.all([...live, ...more.value].map((injection) => injection.recover()));
}

/** Choose and check under one lock, so that of two runs the second sees the first. Null: refused. */
async function admit(
  plan: Plan,
  step: FaultStep,
  path: string,
  { journal, catalogue, guards, refuse }: MethodPorts,
  signal: AbortSignal,
): Promise<PlannedStep | null> {
  return guards.shared.exclusive(async () => {
    const now = await planStep(plan.experiment, path, step, plan.seed, catalogue);
    const pinned = plan.steps.find((planned) => planned.path === path);
    const chosen = step.resolve === 'step' || !pinned ? now : pinned;
    const refusal = checkStep(
      plan,
      { ...chosen, candidates: pinned?.candidates ?? now.candidates },
      now.candidates,
      guards,
    );
    if (refusal) {
      journal.append({ type: 'guard-refused', ...refusal, step: path });
      refuse(refusal.reason);
      signal.throwIfAborted();
      return null;
    }
    if (step.resolve === 'step') journal.append({ type: 'victims-chosen', step: path, victims: chosen.victims });
    return chosen;
  });
}

/** Between the look at the end and the end. */
const slack: Milliseconds = 500;

/** Observe while the fault is on, when it has begun and before it ends; a look that takes longer than the fault lasts is given up, and said. */
async function during(
  live: readonly Injection[],
  duration: Milliseconds,
  { journal, clock }: MethodPorts,
  signal: AbortSignal,
): Promise<void> {
  const over = new AbortController();
  const looking = AbortSignal.any([signal, over.signal]);
  const seen = new Set<string>();
  const end = clock.mono() + duration;
  const observed = live.map(async (injection) => {
    const from = clock.mono();
    const isReal = await injection.observe(looking);
    if (looking.aborted) return;
    seen.add(injection.intent.injection);
    // A look at the end may be as long as this one, twice; where there is no room for that, this one was the end's.
    const room = 3 * (clock.mono() - from) + slack;
    const rest = end - clock.mono() - room;
    if (!isReal || rest < room) return;
    await clock.sleep(rest, looking).catch(() => {});
    if (!looking.aborted) await injection.observeEnd(looking);
  });
  await clock.sleep(duration, signal);
  over.abort();
  await Promise.all(observed);
  for (const { intent } of live) {
    if (seen.has(intent.injection)) continue;
    journal.append({
      type: 'warning',
      message: `${intent.injection}: too short to see whether ${intent.fault} took effect`,
    });
  }
}
