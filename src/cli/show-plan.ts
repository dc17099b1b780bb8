import type { Plan } from '../core/model.ts';
import type { Engine } from '../sdk/engine.ts';
import type { CliContext } from './context.ts';
import { renderPlan } from './output/plan-view.ts';
import { colorOn } from './output/style.ts';

/** The plan as a person reads it on this output. */
export function showPlan(plan: Plan, engine: Engine, context: CliContext): string {
  return renderPlan(plan, (id) => engine.catalogue.fault(id), {
    color: colorOn(context.stdout),
    width: context.stdout.columns ?? 100,
  });
}
