import { addressesIn } from './addresses.ts';
import { digest } from './canonical.ts';
import { errorRecord, ZashikiError } from './errors.ts';
import type { Experiment, FaultStep, Plan, PlannedStep, Step, Target, TargetRef } from './model.ts';
import type { Catalogue } from './ports.ts';
import { drawSeed, seededRng } from './rng.ts';
import { chooseVictims, eligible, sparedByName } from './selection.ts';
import { faultSteps } from './steps.ts';

/**
 * Pin every victim. Same experiment, seed and inventory give the same bytes. Throws `fault-not-offered` when no
 * candidate of a step has the capabilities that its fault needs.
 */
export async function makePlan(experiment: Experiment, catalogue: Catalogue, signal?: AbortSignal): Promise<Plan> {
  const seed = experiment.spec.seed ?? drawSeed();
  const inventory = openInventory(catalogue, signal);
  const steps: PlannedStep[] = [];
  for (const { path, step } of faultSteps(experiment.spec.method)) {
    const planned = await planStep(experiment, path, step, seed, catalogue, inventory);
    const how = await foresee(step, planned.victims[0], catalogue);
    steps.push(how === undefined ? planned : { ...planned, how });
  }
  const unsealed = { apiVersion: 'zashiki.dev/v1', kind: 'Plan', experiment, seed, steps } as const;
  return { ...unsealed, hash: planHash(unsealed) };
}

/** sha256 over everything of a plan but its hash. */
export function planHash({ hash: _, ...rest }: Omit<Plan, 'hash'> & { readonly hash?: string }): string {
  return digest(rest);
}

/** Candidates and victims of one step, from what is there now. */
export async function planStep(
  experiment: Experiment,
  path: string,
  step: FaultStep,
  seed: number,
  catalogue: Catalogue,
  inventory: Inventory = openInventory(catalogue),
): Promise<PlannedStep> {
  const fault = catalogue.fault(step.fault);
  const platform = await catalogue.platform(step.target.platform);
  const found = eligible(await inventory(step), experiment.spec.guards.protect);
  const ofGroup =
    step.group === undefined ? found.eligible : found.eligible.filter(({ group = '' }) => group === step.group);
  const able = ofGroup.filter((target) => missing(fault.needs, platform.offers(target)).length === 0);
  const first = ofGroup[0];
  if (first && able.length === 0) {
    const lacks = missing(fault.needs, platform.offers(first)).join(', ');
    throw new ZashikiError('fault-not-offered', `${path}: ${first.name} (${first.id}) cannot be hit by ${fault.id}`, {
      hint: `it lacks the capability ${lacks}; see \`zashiki faults\``,
    });
  }
  const unable = ofGroup.length - able.length;
  const victims = chooseVictims(step, able, seededRng(seed, path));
  return {
    path,
    fault: fault.id,
    candidates: able.length,
    victims,
    spared: unable ? [...found.spared, { reason: `lacks what ${fault.id} needs`, count: unable }] : found.spared,
    resolve: step.resolve,
  };
}

/** The fault's own word on how it would be done there; what would be refused is said, and is no reason not to plan. */
async function foresee(
  step: FaultStep,
  victim: TargetRef | undefined,
  catalogue: Catalogue,
): Promise<string | undefined> {
  const fault = catalogue.fault(step.fault);
  if (!fault.foresee || !victim) return undefined;
  try {
    const platform = await catalogue.platform(victim.platform);
    const { signal } = new AbortController();
    const context = { signal, addressesOf: addressesIn(catalogue) };
    return await fault.foresee(await platform.attach(victim), fault.params.parse(step.params) as never, context);
  } catch (error) {
    const { message, hint } = errorRecord(error);
    return `would be left out: ${message}${hint ? `; ${hint}` : ''}`;
  }
}

const missing = (needs: readonly string[], offers: readonly string[]) => needs.filter((need) => !offers.includes(need));

/** One look per selector, so that all steps of a plan see the same inventory. */
type Inventory = (step: FaultStep) => Promise<readonly Target[]>;

function openInventory(catalogue: Catalogue, signal?: AbortSignal): Inventory {
  const seen = new Map<string, Promise<readonly Target[]>>();
  return ({ target }) => {
    const key = digest(target);
    const known = seen.get(key);
    if (known) return known;
    const looked = catalogue
      .platform(target.platform)
      .then((platform) => platform.discover(platform.selector.parse(target.selector) as never, signal));
    seen.set(key, looked);
    return looked;
  };
}

/** The groups that the candidates of all fault steps belong to, sorted; those without one are a group of their own, ''. */
export async function groupsOf(experiment: Experiment, catalogue: Catalogue): Promise<readonly string[]> {
  const inventory = openInventory(catalogue);
  const groups = new Set<string>();
  for (const { step } of faultSteps(experiment.spec.method)) {
    const found = eligible(await inventory(step), experiment.spec.guards.protect);
    for (const { group = '' } of found.eligible) groups.add(group);
  }
  return [...groups].sort();
}

/** The experiment with every fault step narrowed to one group. */
export function narrowTo(group: string, experiment: Experiment): Experiment {
  const narrow = (step: Step): Step => {
    if (step.kind === 'fault') return { ...step, group };
    return step.kind === 'pause' ? step : { ...step, steps: step.steps.map(narrow) };
  };
  return { ...experiment, spec: { ...experiment.spec, method: experiment.spec.method.map(narrow) } };
}

/** Pinned victims that are gone, were replaced or may not be hit, one line each; empty when the plan still fits. */
export async function drift(plan: Plan, catalogue: Catalogue): Promise<readonly string[]> {
  const lines: string[] = [];
  for (const step of plan.steps) {
    if (step.resolve === 'step') continue;
    for (const victim of step.victims) {
      const platform = await catalogue.platform(victim.platform);
      const name = `${step.path}: ${victim.name} (${victim.id})`;
      if ((await platform.check(victim)) === 'gone') lines.push(`${name} is gone or was replaced`);
      const spared = (await platform.spare(victim)) ?? sparedByName(victim, plan.experiment.spec.guards.protect);
      if (spared) lines.push(`${name} may not be hit: ${spared}`);
    }
  }
  return lines;
}
