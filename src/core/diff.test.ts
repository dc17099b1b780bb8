import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { diffRuns } from './diff.ts';
import type { ExperimentSpec, Outcome } from './model.ts';
import { experiment, hypothesis, runner, script } from './run-script.fixture.ts';
import { type RunRecord, summarize } from './series.ts';

interface Wanted {
  readonly recovery?: number | 'never' | 'not read';
  readonly outcome?: Outcome;
  readonly pid?: number;
  readonly seed?: number;
  readonly spec?: Partial<ExperimentSpec>;
  readonly sealed?: boolean;
  readonly unfinished?: boolean;
  readonly injects?: boolean;
}

/** A kill at 1000 from which the shop recovers after exactly that long (readings take no time). */
function runOf(id: string, wanted: Wanted = {}): RunRecord {
  const { recovery = 0, outcome = 'held', pid = 99, seed = 7, spec = {}, injects = true } = wanted;
  const run = script(experiment(spec)).started(0, { seed, sealed: wanted.sealed ?? false });
  if (injects) run.intent(990, 'i1', { reversible: false, pid }).injected(1000, 'i1');
  if (recovery !== 'not read') {
    if (recovery !== 0) run.reading(1001, false, { took: 0 });
    if (recovery === 'never') run.reading(9000, false, { took: 0 });
    else run.reading(1000 + Math.max(2, recovery), true, { took: 0 });
  }
  if (!wanted.unfinished) {
    run.at(20_000, { type: 'run-finished', outcome, unverified: false, reasons: [], author: runner });
  }
  return { id, events: run.events };
}

const runsOf = (name: string, times: readonly (number | 'never')[], more: Wanted = {}) =>
  times.map((recovery, index) => runOf(`${name}${index}`, { ...more, recovery }));

describe('summarize', () => {
  test('quantiles with intervals that hold them, outcomes, share held', () => {
    const times = [100, 200, 300, 400, 500, 600, 700, 800, 900, 1000];
    const runs = [...runsOf('r', times), runOf('x', { outcome: 'deviated', recovery: 'not read' })];
    const { outcomes, heldShare, recovery, hypotheses } = summarize(runs);
    expect(outcomes).toEqual({ held: 10, deviated: 1 });
    expect(heldShare).toBeCloseTo(10 / 11);
    expect(recovery).toMatchObject({ values: times, never: 0, p50: { value: 550 }, p95: { value: 955 } });
    for (const { low, value, high } of [recovery.p50, recovery.p95]) {
      expect(low).toBeLessThanOrEqual(value ?? Number.NaN);
      expect(high).toBeGreaterThanOrEqual(value ?? Number.NaN);
      expect(low).toBeGreaterThanOrEqual(100);
      expect(high).toBeLessThanOrEqual(1000);
    }
    expect(recovery.p50.high).toBeGreaterThan(recovery.p50.low ?? Number.NaN);
    expect(hypotheses).toMatchObject([{ name: 'the shop answers', recovery: { values: times }, during: 0.5 }]);
    expect(hypotheses[0]?.detect.values).toEqual(times.map(() => 1));
  });

  test('the same runs give the same numbers, as plain JSON', () => {
    const runs = runsOf('r', [100, 200, 'never', 400]);
    expect(summarize(runs)).toEqual(summarize(runs));
    expect(JSON.parse(JSON.stringify(summarize(runs)))).toEqual(summarize(runs));
  });

  test('a run that never recovered counts as longer than any that did', () => {
    expect(summarize(runsOf('r', [100, 200, 'never'])).recovery).toMatchObject({
      values: [100, 200, null],
      never: 1,
      p50: { value: 200 },
      p95: { value: null },
    });
  });

  test('the slowest hypothesis counts for the run', () => {
    const spec = { steadyStateHypothesis: [hypothesis('a'), hypothesis('b')] };
    const run = script(experiment(spec)).started(0).intent(1, 'i1', { reversible: false }).injected(1000, 'i1');
    run.reading(1001, false, { took: 0 }).reading(1500, true, { took: 0 });
    run.reading(1001, false, { took: 0, index: 1 }).reading(3000, true, { took: 0, index: 1 });
    const { recovery, hypotheses } = summarize([{ id: 'r', events: run.events }]);
    expect(recovery.values).toEqual([2000]);
    expect(hypotheses.map((each) => each.recovery.values)).toEqual([[500], [2000]]);
  });

  test('one run, no run, a run without injections', () => {
    expect(summarize([runOf('r', { recovery: 300 })]).recovery.p50).toEqual({ value: 300, low: null, high: null });
    expect(summarize([])).toMatchObject({ runs: [], heldShare: 0, recovery: { values: [], p50: { value: null } } });
    expect(summarize([runOf('r', { injects: false, outcome: 'skipped' })])).toMatchObject({
      hypotheses: [],
      recovery: { values: [] },
    });
    expect(summarize([{ id: 'torn', events: [] }]).outcomes).toEqual({ unfinished: 1 });
  });
});

describe('diffRuns', () => {
  test('a run against itself: nothing changed', () => {
    const run = runOf('r', { recovery: 300 });
    expect(diffRuns([run], [run])).toMatchObject({
      changes: [],
      recovery: [{ hypothesis: 'the shop answers', difference: 0, significant: 'too few runs', p: null }],
    });
  });

  test('verdict, seed, plan, document and targets', () => {
    const spec: Partial<ExperimentSpec> = {
      method: [
        {
          kind: 'fault',
          fault: 'process-pause',
          target: { platform: 'host', selector: { name: 'shop' } },
          mode: 'all',
          params: { latency: '1s' },
          resolve: 'plan',
        },
      ],
    };
    const { changes } = diffRuns([runOf('a')], [runOf('b', { outcome: 'deviated', seed: 8, pid: 100, spec })]);
    expect(changes).toEqual([
      { what: 'verdict', a: ['held'], b: ['deviated'] },
      { what: 'seed', a: [7], b: [8] },
      { what: 'plan', a: ['hash-7'], b: ['hash-8'] },
      { what: 'document', where: 'spec.method[0].mode', a: ['one'], b: ['all'] },
      { what: 'document', where: 'spec.method[0].params', a: [{}], b: [null] },
      { what: 'document', where: 'spec.method[0].params.latency', a: [null], b: ['1s'] },
      { what: 'targets', where: 'method[0]', a: [['host pid:99 shop']], b: [['host pid:100 shop']] },
    ]);
  });

  test('several runs a side: the values of all of them, whatever their order', () => {
    const a = [runOf('a1', { seed: 1 }), runOf('a2', { seed: 2 }), runOf('a3', { seed: 1 })];
    const b = [runOf('b1', { seed: 2 }), runOf('b2', { seed: 1 })];
    expect(diffRuns(a, b).changes).toEqual([]);
    expect(diffRuns(a, [runOf('b3', { seed: 3 })]).changes).toContainEqual({ what: 'seed', a: [1, 2], b: [3] });
  });

  test('slower, and significantly so', () => {
    const { recovery } = diffRuns(runsOf('a', [100, 110, 120, 130, 140]), runsOf('b', [300, 310, 320, 330, 340]));
    expect(recovery).toEqual([
      {
        hypothesis: 'the shop answers',
        runs: { a: 5, b: 5 },
        p50: { a: 120, b: 320 },
        difference: 200,
        shift: 200,
        p: expect.closeTo(2 / 252, 9),
        significant: 'yes',
      },
    ]);
  });

  test('different by chance only', () => {
    expect(diffRuns(runsOf('a', [100, 200, 300, 400]), runsOf('b', [150, 250, 350, 450])).recovery[0]).toMatchObject({
      difference: 50,
      significant: 'no',
    });
  });

  test('three runs are too few', () => {
    expect(diffRuns(runsOf('a', [1, 2, 3, 4]), runsOf('b', [1000, 1001, 1002])).recovery[0]).toMatchObject({
      p: null,
      significant: 'too few runs',
    });
  });

  test('no longer recovering is a significant change without a number', () => {
    const never = Array.from({ length: 6 }, () => 'never' as const);
    expect(diffRuns(runsOf('a', [100, 110, 120, 130, 140, 150]), runsOf('b', never)).recovery[0]).toMatchObject({
      p50: { a: 125, b: null },
      difference: null,
      shift: null,
      significant: 'yes',
    });
  });

  test('a sealed drill hides what it hits until it has ended', () => {
    const changes = (unfinished: boolean) =>
      diffRuns([runOf('a', { sealed: true, unfinished })], [runOf('b', { sealed: true, unfinished, pid: 4 })]).changes;
    expect(changes(true)).toEqual([]);
    expect(changes(false)).toMatchObject([{ what: 'targets' }]);
  });

  test('exchanging the sides turns every difference around', () => {
    const times = fc.array(fc.integer({ min: 2, max: 5000 }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(times, times, (left, right) => {
        const [a, b] = [runsOf('a', left), runsOf('b', right)];
        const [there] = diffRuns(a, b).recovery;
        const [back] = diffRuns(b, a).recovery;
        expect(there?.difference).toBeCloseTo(-(back?.difference ?? Number.NaN), 6);
        expect(there?.shift).toBeCloseTo(-(back?.shift ?? Number.NaN), 6);
        expect(there?.significant).toBe(back?.significant);
      }),
      { numRuns: 8 },
    );
  });
});
