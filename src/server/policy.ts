import { ZashikiError } from '../core/errors.ts';
import type { Experiment, Step } from '../core/model.ts';

/** Where a document would run a program of its author's choice, e.g. `spec.rollbacks[0]`. */
export function execUses(experiment: Experiment): readonly string[] {
  const { spec } = experiment;
  const found: string[] = [];
  spec.steadyStateHypothesis.forEach(({ probe }, index) => {
    if (probe.id === 'exec') found.push(`spec.steadyStateHypothesis[${index}]`);
  });
  spec.stopWhen.forEach(({ probe }, index) => {
    if (probe.id === 'exec') found.push(`spec.stopWhen[${index}]`);
  });
  spec.rollbacks.forEach(({ action }, index) => {
    if (action.id === 'exec') found.push(`spec.rollbacks[${index}]`);
  });
  return [...found, ...inSteps(spec.method, 'spec.method')];
}

function inSteps(steps: readonly Step[], path: string): readonly string[] {
  return steps.flatMap((step, index) => {
    const here = `${path}[${index}]`;
    const own = step.when?.probe.id === 'exec' ? [`${here}.when`] : [];
    const inner = step.kind === 'serial' || step.kind === 'parallel' ? inSteps(step.steps, `${here}.${step.kind}`) : [];
    return [...own, ...inner];
  });
}

/** A document that came over the network may not name programs to run. Throws `refused` naming each place. */
export function refuseExec(experiment: Experiment): void {
  const uses = execUses(experiment);
  if (uses.length === 0) return;
  throw new ZashikiError('refused', `exec is not allowed over the API: ${uses.join(', ')}`, {
    hint: 'start the server with --allow-exec, or use an http or tcp probe',
  });
}
