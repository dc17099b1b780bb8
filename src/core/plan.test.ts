import { expect, test } from 'vitest';
import { experiment, faultStep, target, toyWorld } from './fixtures.ts';
import { drift, groupsOf, makePlan, narrowTo, planHash } from './plan.ts';

test('same experiment, seed and inventory give the same bytes', async () => {
  const document = experiment({ method: [faultStep({ mode: 'fixed-percent', value: 40 }), faultStep()] });
  const [a, b] = [await makePlan(document, toyWorld(50).catalogue), await makePlan(document, toyWorld(50).catalogue)];
  expect(JSON.stringify(a)).toBe(JSON.stringify(b));
  expect(a.hash).toBe(planHash(a));
  expect(a.steps.map(({ victims }) => victims.length)).toEqual([20, 1]);
});

test('another seed, another inventory or another document give another hash', async () => {
  const { hash } = await makePlan(experiment(), toyWorld(3).catalogue);
  const others = [
    await makePlan(experiment({ seed: 2 }), toyWorld(3).catalogue),
    await makePlan(experiment(), toyWorld(4).catalogue),
    await makePlan(experiment({}, 'other'), toyWorld(3).catalogue),
  ];
  expect(new Set([hash, ...others.map((plan) => plan.hash)]).size).toBe(4);
});

test('a seed is drawn and kept when the document has none', async () => {
  const { spec, ...rest } = experiment();
  const plan = await makePlan({ ...rest, spec: { ...spec, seed: undefined } }, toyWorld().catalogue);
  expect(plan.seed).toBeGreaterThanOrEqual(0);
});

test('nested steps are found by their path', async () => {
  const method = [
    { kind: 'parallel', steps: [faultStep(), { kind: 'serial', steps: [{ kind: 'pause', pause: 1 }, faultStep()] }] },
  ] as const;
  const plan = await makePlan(experiment({ method }), toyWorld().catalogue);
  expect(plan.steps.map(({ path }) => path)).toEqual(['method[0].parallel[0]', 'method[0].parallel[1].serial[1]']);
});

test('a target that lacks what the fault needs is refused with the reason', async () => {
  const world = toyWorld(1);
  const catalogue = { ...world.catalogue, fault: () => ({ ...world.catalogue.fault('x'), needs: ['netns'] }) };
  await expect(makePlan(experiment(), catalogue)).rejects.toMatchObject({
    code: 'fault-not-offered',
    hint: expect.stringContaining('netns'),
  });
});

test('drift names the pinned targets that are gone', async () => {
  const world = toyWorld(2);
  const plan = await makePlan(experiment({ method: [faultStep({ mode: 'all' })] }), world.catalogue);
  expect(await drift(plan, world.catalogue)).toEqual([]);
  world.targets = [target(2), target(9)];
  expect(await drift(plan, world.catalogue)).toEqual(['method[0]: toy-1 (toy:1) is gone or was replaced']);
});

test('an experiment narrowed to one group hits only that one', async () => {
  const world = toyWorld(0);
  world.targets = [1, 2, 3, 4].map((n) => target(n, { group: n % 2 ? 'odd' : 'even' }));
  const document = experiment({ method: [{ kind: 'serial', steps: [faultStep({ mode: 'all' })] }] });
  expect(await groupsOf(document, world.catalogue)).toEqual(['even', 'odd']);
  const plan = await makePlan(narrowTo('odd', document), world.catalogue);
  expect(plan.steps[0]?.victims.map(({ id }) => id)).toEqual(['toy:1', 'toy:3']);
});

test('drift names pinned targets that may not be hit any more', async () => {
  const world = toyWorld(1);
  const plan = await makePlan(experiment({ guards: { protect: ['nobody'] } }), world.catalogue);
  const platform = await world.catalogue.platform('toy');
  const guarded = { ...world.catalogue, platform: async () => ({ ...platform, spare: async () => 'pid 1' }) };
  expect(await drift(plan, guarded)).toEqual(['method[0]: toy-1 (toy:1) may not be hit: pid 1']);
  const { spec, ...rest } = plan.experiment;
  const named = { ...plan, experiment: { ...rest, spec: { ...spec, guards: { protect: ['toy-1'] } } } };
  expect(await drift(named, world.catalogue)).toEqual([
    'method[0]: toy-1 (toy:1) may not be hit: guards.protect "toy-1"',
  ]);
});
