import type { FaultStep, PlannedStep, Target, TargetRef } from './model.ts';
import { compilePattern } from './pattern.ts';
import type { Rng } from './ports.ts';

/** Candidates that may be hit, and those left out with the reason. */
export interface Candidates {
  readonly eligible: readonly Target[];
  readonly spared: PlannedStep['spared'];
}

/** Leave out protected targets and those that `guards.protect` names. Keeps the order. */
export function eligible(targets: readonly Target[], protect: readonly string[] = []): Candidates {
  const named = namedBy(protect);
  const reasons = new Map<string, number>();
  const kept = targets.filter((target) => {
    const reason = target.protected ?? named(target) ?? undefined;
    if (reason) reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
    return !reason;
  });
  return { eligible: kept, spared: [...reasons].map(([reason, count]) => ({ reason, count })) };
}

/** Why `guards.protect` leaves this target alone, or null. */
export const sparedByName = (target: TargetRef, protect: readonly string[] = []): string | null =>
  namedBy(protect)(target);

function namedBy(protect: readonly string[]): (target: TargetRef) => string | null {
  const patterns = protect.map((source) => ({ source, matches: compilePattern(source) }));
  return (target) => {
    const found = patterns.find(({ matches }) => matches(target.name) || matches(target.id));
    return found ? `guards.protect "${found.source}"` : null;
  };
}

/**
 * How many of `candidates` a mode takes. `random-max-percent` draws from 0 up to its share; shares round down, but
 * `fixed-percent` above 0 takes at least one.
 */
export function howMany(step: Pick<FaultStep, 'mode' | 'value'>, candidates: number, rng: Rng): number {
  const value = step.value ?? 0;
  switch (step.mode) {
    case 'one':
      return Math.min(1, candidates);
    case 'all':
      return candidates;
    case 'fixed':
      return Math.min(value, candidates);
    case 'fixed-percent':
      return value > 0 && candidates > 0 ? Math.max(1, Math.floor((candidates * value) / 100)) : 0;
    case 'random-max-percent':
      return rng.below(Math.floor((candidates * value) / 100) + 1);
  }
}

/** Draw victims without replacement; the result is in the order of the candidates. */
export function chooseVictims(
  step: Pick<FaultStep, 'mode' | 'value'>,
  candidates: readonly Target[],
  rng: Rng,
): readonly TargetRef[] {
  const count = howMany(step, candidates.length, rng);
  return draw(count, candidates.length, rng).map((index) => pin(candidates[index] as Target));
}

/** So many of the numbers below `of`, ascending; none when `count` is below 1. */
export function draw(count: number, of: number, rng: Rng): readonly number[] {
  // A partial Fisher–Yates over indices: O(count) draws, also for 100,000 candidates.
  const indices = Array.from({ length: of }, (_, index) => index);
  for (let i = 0; i < count; i++) {
    const j = i + rng.below(indices.length - i);
    [indices[i], indices[j]] = [indices[j] as number, indices[i] as number];
  }
  return indices.slice(0, Math.max(0, count)).sort((a, b) => a - b);
}

/** What of a target is written into plans and journals. */
export function pin({ platform, id, name, identity, labels }: Target): TargetRef {
  const about = labels.command?.slice(0, 120);
  return { platform, id, name, identity, ...(about ? { about } : {}) };
}
