import type { FaultStep, Step } from './model.ts';

/** A fault step and where it stands, e.g. `method[2].parallel[1]`. */
export interface PlacedStep {
  readonly path: string;
  readonly step: FaultStep;
}

/** All fault steps in document order. */
export function faultSteps(steps: readonly Step[], prefix = 'method'): readonly PlacedStep[] {
  return steps.flatMap((step, index): readonly PlacedStep[] => {
    const path = `${prefix}[${index}]`;
    if (step.kind === 'fault') return [{ path, step }];
    if (step.kind === 'pause') return [];
    return faultSteps(step.steps, `${path}.${step.kind}`);
  });
}
