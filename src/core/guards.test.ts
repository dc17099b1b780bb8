import { expect, test } from 'vitest';
import { systemClock } from './clock.ts';
import type { JournalEvent } from './events.ts';
import { experiment, faultStep, lonely, toyWorld } from './fixtures.ts';
import { checkGuards, type GuardContext } from './guards.ts';
import type { ExperimentSpec, Guards } from './model.ts';
import { makePlan } from './plan.ts';
import type { SharedState } from './ports.ts';

const saturdayEvening = Date.UTC(2026, 10, 21, 12, 14);

async function refusals(
  guards: Guards,
  shared: Partial<SharedState> = {},
  more: Partial<GuardContext> = {},
  step = faultStep(),
) {
  const document = experiment({ guards, method: [step] });
  const plan = await makePlan(document, toyWorld(4).catalogue);
  const clock = { ...systemClock, now: () => saturdayEvening };
  return checkGuards(document, plan, { run: 'me', clock, shared: lonely(shared), lasting: () => true, ...more });
}

test('no guards, no refusal', async () => {
  expect(await refusals({})).toEqual([]);
});

test('the stop lever refuses, and says who and how to go on', async () => {
  const [refusal] = await refusals({}, { lever: () => ({ reason: 'pager', by: 'aiko' }) });
  expect(refusal).toMatchObject({ guard: 'stop-lever', reason: expect.stringMatching(/aiko: pager.*--release/) });
});

test('outside the window', async () => {
  const window = { days: [1, 2, 3, 4, 5], from: 660, to: 1080, timezone: 'Asia/Tokyo', holidays: [] };
  expect(await refusals({ window })).toMatchObject([{ guard: 'window' }]);
  expect(await refusals({ window: { ...window, days: [6], to: 1290 } })).toEqual([]);
});

test('the blast radius as a count and as a share', async () => {
  const all = faultStep({ mode: 'all' });
  expect(await refusals({ blastRadius: { count: 4 } }, {}, {}, all)).toEqual([]);
  expect(await refusals({ blastRadius: { count: 3 } }, {}, {}, all)).toMatchObject([
    { guard: 'blast-radius', reason: 'method[0]: would hit 4 targets at one time, at most 3 allowed' },
  ]);
  expect(await refusals({ blastRadius: { percent: 50 } }, {}, {}, faultStep({ mode: 'fixed', value: 2 }))).toEqual([]);
  expect(
    await refusals({ blastRadius: { percent: 50 } }, {}, {}, faultStep({ mode: 'fixed', value: 3 })),
  ).toMatchObject([{ guard: 'blast-radius' }]);
});

test('the blast radius counts what other live runs hit, once', async () => {
  const theirs = await makePlan(
    experiment({ method: [faultStep({ mode: 'fixed', value: 2 })] }),
    toyWorld(4).catalogue,
  );
  const started = { type: 'run-started', plan: theirs, dryRun: false } as unknown as JournalEvent;
  const shared = { liveRuns: () => [[started]] };
  expect(await refusals({ blastRadius: { count: 4 } }, shared, {}, faultStep({ mode: 'all' }))).toEqual([]);
  expect(await refusals({ blastRadius: { count: 1 } }, shared)).toMatchObject([
    { guard: 'blast-radius', reason: expect.stringContaining('by other live runs') },
  ]);
  const dry = { ...started, dryRun: true } as unknown as JournalEvent;
  expect(await refusals({ blastRadius: { count: 1 } }, { liveRuns: () => [[dry]] })).toEqual([]);
});

test('the minimum interval looks at injections of this experiment only', async () => {
  const entry = { run: 'r', experiment: 'toy', at: saturdayEvening - 60_000, type: 'injected' } as const;
  const guards = { minInterval: 3_600_000 };
  expect(await refusals(guards, { history: () => [entry] })).toMatchObject([{ guard: 'min-interval' }]);
  expect(await refusals(guards, { history: () => [{ ...entry, experiment: 'other' }] })).toEqual([]);
  expect(await refusals(guards, { history: () => [{ ...entry, type: 'run-started' }] })).toEqual([]);
});

test('the budget counts injections of all experiments', async () => {
  const entry = { run: 'r', experiment: 'other', at: saturdayEvening, type: 'injected' } as const;
  const guards = { budget: { injections: 3, per: 86_400_000 } };
  expect(await refusals(guards, { history: () => [entry, entry] })).toEqual([]);
  expect(await refusals(guards, { history: () => [entry, entry, entry] })).toMatchObject([{ guard: 'budget' }]);
});

test('an experiment for production runs only where production is named', async () => {
  const guards = { environment: 'production' };
  expect(await refusals(guards)).toMatchObject([{ guard: 'environment' }]);
  expect(await refusals(guards, {}, { environment: 'staging' })).toMatchObject([{ guard: 'environment' }]);
  expect(await refusals(guards, {}, { environment: 'production' })).toEqual([]);
});

test('a step that finds nobody is refused', async () => {
  const document = experiment();
  const plan = await makePlan(document, toyWorld(0).catalogue);
  expect(
    checkGuards(document, plan, { run: 'me', clock: systemClock, shared: lonely(), lasting: () => true }),
  ).toMatchObject([{ guard: 'no-target', reason: 'method[0]: no target matches the selector' }]);
});

test('the blast radius counts what other steps of the plan hit at the same time', async () => {
  const two = [faultStep({ mode: 'fixed', value: 2 }), faultStep({ mode: 'fixed', value: 2, duration: 10 })];
  const guards = { blastRadius: { count: 2 } };
  const check = async (method: ExperimentSpec['method']) => {
    const world = toyWorld(20);
    const document = experiment({ guards, method });
    const plan = await makePlan(document, world.catalogue);
    return checkGuards(document, plan, { run: 'me', clock: systemClock, shared: lonely(), lasting: () => true });
  };
  expect(await check([{ kind: 'parallel', steps: two }])).not.toEqual([]);
  // The first stays until the end, so the second comes on top.
  expect(await check(two)).not.toEqual([]);
  expect(await check(two.toReversed())).toEqual([]);
});

test('what live runs have planned and not yet injected is spent already', async () => {
  const theirs = await makePlan(
    experiment({ method: [faultStep({ mode: 'fixed', value: 2 })] }),
    toyWorld(4).catalogue,
  );
  const started = { type: 'run-started', plan: theirs, dryRun: false } as unknown as JournalEvent;
  const shared = { liveRuns: () => [[started]] };
  expect(await refusals({ budget: { injections: 3, per: 1000 } }, shared)).toEqual([]);
  expect(await refusals({ budget: { injections: 2, per: 1000 } }, shared)).toMatchObject([{ guard: 'budget' }]);
  expect(await refusals({ minInterval: 1000 }, shared)).toMatchObject([{ guard: 'min-interval' }]);
});
