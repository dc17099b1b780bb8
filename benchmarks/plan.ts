import { experiment, faultStep, target, toyWorld } from '../src/core/fixtures.ts';
import { makePlan } from '../src/core/plan.ts';
import { type Figure, inTurns } from './bench.ts';

/** A plan over 100,000 targets against one over 10,000: the cost must grow no faster than the inventory. */
export async function planning(): Promise<readonly Figure[]> {
  const worldOf = (count: number) => {
    const world = toyWorld(0);
    world.targets = Array.from({ length: count }, (_, index) => target(index));
    return world;
  };
  const [large, small] = [worldOf(100_000), worldOf(10_000)];
  const document = experiment({
    method: [faultStep({ mode: 'fixed-percent', value: 1 })],
    guards: { protect: ['re2:^nobody$'] },
  });
  const { one, other } = await inTurns(
    9,
    () => makePlan(document, large.catalogue),
    () => makePlan(document, small.catalogue),
  );
  const detail = `${one.toFixed(0)} ms, ${other.toFixed(1)} ms`;
  return [
    {
      name: 'plan over 100,000 targets',
      baseline: 'ten times a plan over 10,000',
      ratio: one / (other * 10),
      limit: 2.5,
      detail,
    },
  ];
}
