import type { JournalEvent } from './events.ts';
import type { Guards, Plan, PlannedStep } from './model.ts';
import { faultSteps } from './steps.ts';

/** How many targets may be hit at one time: a count, or a share of a step's candidates, rounded down. */
export function blastLimit(limit: NonNullable<Guards['blastRadius']>, candidates: number): number {
  return 'count' in limit ? limit.count : Math.floor((candidates * limit.percent) / 100 + 1e-9);
}

/**
 * Victims of one plan that may be hit at the same time as those of `step`: of parallel branches, and of earlier lasting
 * faults without a duration, which stay until the end. Ids, those of the step itself left out.
 */
export function heldBeside(plan: Plan, step: PlannedStep, lasting: (fault: string) => boolean): readonly string[] {
  const platform = step.victims[0]?.platform;
  const placed = faultSteps(plan.experiment.spec.method);
  const own = placed.findIndex(({ path }) => path === step.path);
  const beside = placed.filter(({ path, step: other }, index) => {
    if (path === step.path) return false;
    return sameParallel(path, step.path) || (index < own && other.duration === undefined && lasting(other.fault));
  });
  const victims = beside.flatMap(({ path }) => plan.steps.find((planned) => planned.path === path)?.victims ?? []);
  const ids = new Set(step.victims.map(({ id }) => id));
  return [...new Set(victims.filter((victim) => victim.platform === platform).map(({ id }) => id))].filter(
    (id) => !ids.has(id),
  );
}

/** True when two paths part at a parallel group: `method[0].parallel[0]…` and `method[0].parallel[1]…`. */
function sameParallel(a: string, b: string): boolean {
  const [left, right] = [a.split('.'), b.split('.')];
  const at = left.findIndex((part, index) => part !== right[index]);
  return at >= 0 && /^parallel\[/.test(left[at] ?? '') && /^parallel\[/.test(right[at] ?? '');
}

/** Ids of what a live run may be hitting on a platform: its planned victims and those chosen on the way. */
export function heldByRun(events: readonly JournalEvent[], platform: string | undefined): readonly string[] {
  return events
    .flatMap((event) => {
      if (event.type === 'run-started' && !event.dryRun) return event.plan.steps.flatMap(({ victims }) => victims);
      if (event.type === 'victims-chosen') return event.victims;
      return event.type === 'intent' ? [event.target] : [];
    })
    .filter((target) => target.platform === platform)
    .map(({ id }) => id);
}
