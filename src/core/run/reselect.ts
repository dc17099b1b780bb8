import { canonicalJson } from '../canonical.ts';
import { errorRecord, isError } from '../errors.ts';
import { checkStep } from '../guards.ts';
import type { FaultStep, Milliseconds, Plan, PlannedStep, TargetRef } from '../model.ts';
import { planStep } from '../plan.ts';
import { seededRng } from '../rng.ts';
import { draw, howMany } from '../selection.ts';
import type { Injection } from './injector.ts';
import type { MethodPorts } from './method-ports.ts';

/** How often new targets are looked for. */
const everyMs: Milliseconds = 2000;

/**
 * While a fault is on: look again, and hit new targets that match, as many as the mode would take now, and no more than
 * the blast radius allows. Ends when `over` is aborted; gives what was injected on the way. Rejects only for what ends
 * a run.
 */
export async function reselect(
  plan: Plan,
  step: FaultStep,
  path: string,
  victims: readonly TargetRef[],
  ports: MethodPorts,
  signal: AbortSignal,
  over: AbortSignal,
): Promise<readonly Injection[]> {
  const { clock, journal, executor, began } = ports;
  const hit = new Map(victims.map((victim) => [keyOf(victim), victim]));
  const live: Injection[] = [];
  const looks: Promise<unknown>[] = [];
  const looking = AbortSignal.any([signal, over]);
  let told = '';
  for (let round = 1; ; round++) {
    await clock.sleep(everyMs, looking).catch(() => {});
    if (looking.aborted) {
      await Promise.all(looks);
      return live;
    }
    const chosen = await choose(plan, step, path, hit, round, ports).catch((error: unknown) => {
      if (isError(error, 'state-unwritable', 'lock-busy')) throw error;
      return errorRecord(error).message;
    });
    if (typeof chosen === 'string') {
      if (chosen !== told) journal.append({ type: 'warning', message: `${path}: no new targets are hit: ${chosen}` });
      told = chosen;
      continue;
    }
    const results = await Promise.allSettled(
      chosen.map((victim) => executor.inject(path, step, victim, signal, began)),
    );
    for (const result of results) {
      if (result.status === 'fulfilled' && result.value) {
        result.value.hold();
        live.push(result.value);
        looks.push(result.value.observe(looking));
      } else if (result.status === 'rejected' && !signal.aborted) throw result.reason;
    }
  }
}

/** New victims; a sentence when a guard says no. Under the lock, so that of two runs the second sees the first. */
async function choose(
  plan: Plan,
  step: FaultStep,
  path: string,
  hit: Map<string, TargetRef>,
  round: number,
  { catalogue, guards, journal }: MethodPorts,
): Promise<readonly TargetRef[] | string> {
  return guards.shared.exclusive(async () => {
    const all = await planStep(plan.experiment, path, { ...step, mode: 'all' }, plan.seed, catalogue);
    const living = all.victims.filter((target) => hit.has(keyOf(target)));
    const fresh = all.victims.filter((target) => !hit.has(keyOf(target)));
    const wanted = howMany(step, all.victims.length, seededRng(plan.seed, path)) - living.length;
    const picked = draw(Math.min(wanted, fresh.length), fresh.length, seededRng(plan.seed, `${path} ${round}`));
    const pinned = plan.steps.find((planned) => planned.path === path);
    let refusal: string | undefined;
    for (let count = picked.length; count > 0; count--) {
      const chosen = picked.slice(0, count).map((index) => fresh[index] as TargetRef);
      const would: PlannedStep = {
        ...all,
        victims: [...living, ...chosen],
        candidates: pinned?.candidates ?? all.candidates,
      };
      const no = checkStep(plan, would, all.candidates, guards);
      if (no) {
        refusal ??= no.reason;
        continue;
      }
      for (const target of chosen) hit.set(keyOf(target), target);
      journal.append({ type: 'victims-chosen', step: path, victims: chosen });
      return chosen;
    }
    return refusal ?? [];
  });
}

const keyOf = ({ platform, id, identity }: TargetRef) => canonicalJson([platform, id, identity]);
