import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { measure } from './measure.ts';
import { experiment, hypothesis, type Script, script } from './run-script.fixture.ts';

const first = (run: Script) => {
  const [times] = measure(run.events).probes;
  if (!times) throw new Error('no hypothesis');
  return times;
};

/** One lasting fault from 1000 to 3000; readings every 100 ms from 0 to 6000. */
const lasting = (bad: (t: number) => boolean) =>
  script().started(0).intent(990, 'i1').injected(1000, 'i1').recovered(3000, 'i1').readings(5, 6000, bad);
/** One one-shot fault at 1000. */
const oneShot = (bad: (t: number) => boolean) =>
  script().started(0).intent(990, 'i1', { reversible: false }).injected(1000, 'i1').readings(5, 6000, bad);

describe('a lasting fault', () => {
  test('bad from inject until some time after recover', () => {
    const run = lasting((t) => t > 1200 && t < 4000);
    // Readings begin at …05 and take 5 ms: the first bad one ends at 1210, the first good one after it at 4010.
    expect(first(run)).toEqual({
      name: 'the shop answers',
      during: { ok: 2, all: 20 },
      detect: 210,
      firstHealthy: 3010,
      stable: 3010,
      recovery: 1010,
    });
    expect(measure(run.events)).toMatchObject({
      recovery: 1010,
      windows: [{ injection: 'i1', fault: 'process-pause', target: 'shop', lasting: true }],
    });
    const [window] = measure(run.events).windows;
    expect((window?.until ?? 0) - (window?.from ?? 0)).toBe(2000);
  });

  test('healed before recover: nothing to recover from, though it was bad', () => {
    expect(first(lasting((t) => t > 1200 && t < 2000))).toMatchObject({ detect: 210, stable: 1010, recovery: 0 });
  });

  test('never bad', () => {
    expect(first(lasting(() => false))).toMatchObject({
      during: { ok: 20, all: 20 },
      detect: null,
      firstHealthy: null,
      stable: 0,
      recovery: 0,
    });
  });

  test('a relapse: healthy in between, stable only at last', () => {
    const run = lasting((t) => (t > 1000 && t < 3200) || (t > 4000 && t < 4500));
    expect(first(run)).toMatchObject({ detect: 10, firstHealthy: 2210, stable: 3510, recovery: 1510 });
  });

  test('bad to the end: not recovered', () => {
    expect(first(lasting((t) => t > 5900 || t === 1105))).toMatchObject({ stable: null, recovery: null });
  });

  test('never seen to be recovered: no recovery time, on to the end', () => {
    const run = script()
      .started(0)
      .intent(990, 'i1')
      .injected(1000, 'i1')
      .readings(5, 2000, (t) => t > 1500);
    expect(first(run)).toMatchObject({ during: { ok: 5, all: 10 }, recovery: null });
    expect(measure(run.events).windows[0]?.until).toBeNull();
  });

  test('recovered by the reaper after the runner died between intent and injected: on since the intent', () => {
    const run = script()
      .started(0)
      .intent(1000, 'i1')
      .readings(5, 1500, (t) => t > 1200)
      .recovered(4000, 'i1');
    expect(measure(run.events).windows).toHaveLength(1);
    expect(first(run)).toMatchObject({ during: { ok: 2, all: 5 }, detect: 210, recovery: null });
  });
});

describe('a one-shot fault', () => {
  test('its recovery counts from its inject, and it is felt until the method is over', () => {
    const run = oneShot((t) => t > 1100 && t < 1400);
    expect(first(run)).toMatchObject({ during: { ok: 47, all: 50 }, detect: 110, stable: 410, recovery: 410 });
    const [window] = measure(run.events).windows;
    expect(window).toMatchObject({ lasting: false, until: window?.from });
  });

  test('never bad: every reading is good', () => {
    expect(first(oneShot(() => false))).toMatchObject({ during: { ok: 50, all: 50 }, recovery: 0 });
  });

  test('a slow inject (TERM, then KILL): harm counts from its call, recovery from its return', () => {
    const run = script()
      .started(0)
      .intent(500, 'i1', { reversible: false })
      .injected(3500, 'i1', 3000)
      .readings(5, 6000, (t) => t > 600 && t < 4000);
    expect(first(run)).toMatchObject({ detect: 0, stable: 510, recovery: 510, during: { all: 55 } });
  });
});

describe('which readings count', () => {
  test('one that began before the inject does not, however late it ends', () => {
    const run = oneShot(() => false).reading(995, false, { took: 900 });
    expect(first(run)).toMatchObject({ detect: null, recovery: 0 });
  });

  test('bad ones before the first inject do not', () => {
    expect(first(lasting((t) => t < 990))).toMatchObject({ detect: null, during: { ok: 20, all: 20 } });
  });

  test('one that began while the fault was on is no sign of a late recovery', () => {
    const run = lasting(() => false).reading(2990, false, { took: 1000 });
    expect(first(run)).toMatchObject({ recovery: 0, during: { ok: 20, all: 21 } });
  });

  test('slow readings overlap: the order is that of their beginnings', () => {
    // A request that hangs from 3050 fails at 5050; those after it were answered at once.
    const run = lasting(() => false).reading(3050, false, { took: 2000 });
    expect(first(run)).toMatchObject({ detect: 4050, firstHealthy: 2110, stable: 2110, recovery: 110 });
  });

  test('those of stop conditions and of other hypotheses do not', () => {
    const run = lasting(() => false).at(4000, {
      type: 'probe',
      of: 'stopWhen',
      index: 0,
      phase: 'method',
      ok: false,
      value: null,
      took: 1,
    });
    run.reading(4100, false, { index: 1 });
    expect(first(run)).toMatchObject({ detect: null });
  });

  test('none after the fault: recovery is not known', () => {
    const run = script().started(0).intent(990, 'i1').injected(1000, 'i1').recovered(3000, 'i1').readings(5, 2900);
    expect(first(run)).toMatchObject({ recovery: null, stable: 0 });
  });
});

describe('several injections', () => {
  test('overlapping lasting ones: a reading counts once, recovery is from the last recover', () => {
    const run = script()
      .started(0)
      .intent(990, 'i1')
      .injected(1000, 'i1')
      .intent(1990, 'i2')
      .injected(2000, 'i2')
      .recovered(3000, 'i1')
      .recovered(4000, 'i2')
      .readings(5, 6000, (t) => t > 1000 && t < 4200);
    expect(first(run)).toMatchObject({ during: { ok: 0, all: 30 }, recovery: 210 });
    expect(measure(run.events).windows.map(({ injection }) => injection)).toEqual(['i1', 'i2']);
  });

  test('two kills: each reading counts once', () => {
    const run = script()
      .started(0)
      .intent(990, 'i1', { reversible: false })
      .injected(1000, 'i1')
      .intent(3990, 'i2', { reversible: false })
      .injected(4000, 'i2')
      .readings(5, 7000, (t) => (t > 1000 && t < 1300) || (t > 4000 && t < 4500));
    expect(first(run)).toMatchObject({ during: { ok: 52, all: 60 }, detect: 10, firstHealthy: 310, recovery: 510 });
  });

  test('a failed inject is no window; with nothing injected nothing is measured', () => {
    const run = script()
      .started(0)
      .intent(990, 'i1')
      .at(1000, { type: 'inject-failed', injection: 'i1', error: { code: 'inject-failed', message: 'no' } })
      .recovered(1010, 'i1')
      .readings(5, 3000, (t) => t > 2000);
    expect(measure(run.events)).toEqual({
      windows: [],
      recovery: null,
      probes: [
        {
          name: 'the shop answers',
          during: { ok: 0, all: 0 },
          detect: null,
          firstHealthy: null,
          stable: null,
          recovery: null,
        },
      ],
    });
  });
});

describe('several hypotheses', () => {
  const two = experiment({ steadyStateHypothesis: [hypothesis('a'), hypothesis('b')] });
  const run = (bad: (t: number) => boolean) =>
    script(two)
      .started(0)
      .intent(990, 'i1', { reversible: false })
      .injected(1000, 'i1')
      .readings(5, 5000, (t) => t > 1000 && t < 1500)
      .readings(7, 5000, bad, 1);

  test('the slowest one is the headline', () => {
    expect(measure(run((t) => t > 1000 && t < 3000).events).recovery).toBe(2012);
  });

  test('one that did not recover leaves no headline', () => {
    expect(measure(run((t) => t > 1000).events).recovery).toBeNull();
  });

  test('no hypothesis at all: windows only', () => {
    const bare = script(experiment({ steadyStateHypothesis: [] }))
      .started(0)
      .intent(1, 'i1')
      .injected(2, 'i1');
    expect(measure(bare.events)).toMatchObject({ probes: [], recovery: null, windows: [{ injection: 'i1' }] });
    expect(measure([])).toEqual({ windows: [], probes: [], recovery: null });
  });
});

describe('clocks', () => {
  test('a wall clock that jumps changes no duration', () => {
    const calm = lasting((t) => t > 1200 && t < 4000);
    const jumped = lasting((t) => t > 1200 && t < 4000)
      .jump(1100, 3_600_000)
      .jump(2000, -7_200_000);
    expect(measure(jumped.events).probes).toEqual(measure(calm.events).probes);
  });

  test('after a reboot the wall clock bridges the gap', () => {
    const before = script()
      .started(0)
      .intent(990, 'i1')
      .injected(1000, 'i1')
      .readings(5, 1500, (t) => t > 1000).events;
    const last = before.at(-1);
    const after = [4000, 4100, 4200].map((t, index) => ({
      ...(index === 0
        ? ({
            type: 'recovered',
            injection: 'i1',
            author: { role: 'startup', user: 'x' },
            took: 1,
            how: 'undone',
          } as const)
        : ({ type: 'probe', of: 'hypothesis', index: 0, phase: 'after', ok: true, value: null, took: 5 } as const)),
      seq: 100 + index,
      at: (last?.at ?? 0) - 1410 + t,
      mono: t - 3900,
    }));
    expect(measure([...before, ...after]).probes[0]).toMatchObject({ detect: 10, recovery: 0, stable: 3100 });
  });
});

describe('whatever happens', () => {
  const arbitraryRun = fc
    .record({
      faults: fc.array(
        fc.record({ from: fc.integer({ min: 500, max: 4000 }), lasts: fc.option(fc.integer({ min: 1, max: 3000 })) }),
        { minLength: 1, maxLength: 4 },
      ),
      readings: fc.array(
        fc.record({
          start: fc.integer({ min: 0, max: 9000 }),
          took: fc.integer({ min: 0, max: 1500 }),
          ok: fc.boolean(),
        }),
        { maxLength: 60 },
      ),
    })
    .map(({ faults, readings }) => {
      const run = script().started(0);
      for (const [index, { from, lasts }] of faults.entries()) {
        run.intent(from - 1, `i${index}`, { reversible: lasts !== null }).injected(from, `i${index}`);
        if (lasts !== null) run.recovered(from + lasts, `i${index}`);
      }
      for (const { start, ok, took } of readings) run.reading(start, ok, { took });
      return { run, faults, readings };
    });

  test('times are ordered and agree with each other', () => {
    fc.assert(
      fc.property(arbitraryRun, ({ run, faults, readings }) => {
        const { during, detect, firstHealthy, stable, recovery } = first(run);
        const zero = Math.min(...faults.map(({ from }) => from));
        const heals = Math.max(...faults.map(({ from, lasts }) => from + (lasts ?? 0)));
        const counted = readings.filter(({ start }) => start > zero - 1);
        expect(during.ok).toBeLessThanOrEqual(during.all);
        expect(during.all).toBeLessThanOrEqual(counted.length);
        expect(detect === null).toBe(counted.every(({ ok }) => ok));
        for (const time of [detect, firstHealthy, stable, recovery]) expect(time ?? 0).toBeGreaterThanOrEqual(0);
        if (detect !== null && stable !== null) expect(firstHealthy ?? Infinity).toBeLessThanOrEqual(stable);
        if (recovery !== null && recovery > 0) expect(recovery).toBe((stable ?? 0) + zero - heals);
        if (stable === null && recovery !== null) {
          // Bad readings that began before the last fault let go, and none after: only possible while it was on.
          expect(counted.some(({ start, ok }) => !ok && start > heals)).toBe(false);
        }
        if (!counted.some(({ start }) => start > heals)) expect(recovery).toBeNull();
      }),
      { numRuns: 500 },
    );
  });

  test('the wall clock and the order of unrelated events do not matter', () => {
    fc.assert(
      fc.property(arbitraryRun, fc.integer({ min: -1e9, max: 1e9 }), ({ run }, by) => {
        const before = measure(run.events).probes;
        expect(measure(run.jump(2000, by).events).probes).toEqual(before);
      }),
    );
  });
});
