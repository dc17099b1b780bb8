import { describe, expect, test } from 'vitest';
import { dipsOf } from './dips.ts';
import { experiment, script } from './run-script.fixture.ts';

const oneShot = { reversible: false };
/** Three one-shot faults at 1, 11 and 21 s, read every 100 ms until 40 s. */
const kills = (bad: (t: number) => boolean) =>
  script()
    .started(0)
    .phase(10, 'method')
    .intent(990, 'i1', oneShot)
    .injected(1000, 'i1')
    .intent(10_990, 'i2', oneShot)
    .injected(11_000, 'i2')
    .intent(20_990, 'i3', oneShot)
    .injected(21_000, 'i3')
    .readings(5, 40_000, bad);

test('CM-30 each kill has a dip with its recovery time, and the one that is far slower is told', () => {
  const run = kills((t) => (t > 1000 && t < 2000) || (t > 11_000 && t < 12_200) || (t > 21_000 && t < 32_000));
  expect(dipsOf(run.events, 0)).toEqual([
    { from: 1005, until: 2010, injection: 'i1', recovery: 1010, farSlower: null },
    { from: 11_005, until: 12_210, injection: 'i2', recovery: 1210, farSlower: null },
    { from: 21_005, until: 32_010, injection: 'i3', recovery: 11_010, farSlower: { usual: 1110 } },
  ]);
});

test('of like recoveries none is far slower', () => {
  const run = kills((t) => t > 1000 && (t - 1000) % 10_000 < 1000 + t / 100 && t < 30_000);
  const dips = dipsOf(run.events, 0);
  expect(dips).toHaveLength(3);
  expect(dips.map(({ farSlower }) => farSlower)).toEqual([null, null, null]);
});

test('the last is bad to the end, and so far slower than those that came back', () => {
  const run = kills((t) => (t > 1000 && t < 2000) || (t > 11_000 && t < 12_000) || t > 21_000);
  expect(dipsOf(run.events, 0).at(-1)).toMatchObject({ until: null, recovery: null, farSlower: { usual: 1010 } });
});

test('a good reading or two in between do not end it', () => {
  const run = kills((t) => t > 1000 && t < 3000 && t !== 1505 && t !== 2005 && t !== 2105);
  expect(dipsOf(run.events, 0)).toMatchObject([{ from: 1005, until: 3010 }]);
});

test('what was bad before the first injection is none of its dips', () => {
  expect(dipsOf(kills((t) => t < 900).events, 0)).toEqual([]);
});

describe('a lasting fault', () => {
  const run = (bad: (t: number) => boolean) =>
    script().started(0).intent(990, 'i1').injected(1000, 'i1').recovered(3000, 'i1').readings(5, 9000, bad);

  test('counts from its recover', () => {
    expect(dipsOf(run((t) => t > 1200 && t < 4000).events, 0)).toMatchObject([{ injection: 'i1', recovery: 1010 }]);
  });

  test('healed under the fault: nothing to recover from', () => {
    expect(dipsOf(run((t) => t > 1200 && t < 2000).events, 0)).toMatchObject([{ until: 2010, recovery: 0 }]);
  });
});

test('a run that injects nothing has the dips that others make, counted from the first bad reading', () => {
  const watching = experiment({ method: [{ kind: 'pause', pause: 40_000 }] });
  const run = script(watching)
    .started(0)
    .phase(10, 'method')
    .readings(15, 30_000, (t) => t > 5000 && t < 7000);
  expect(dipsOf(run.events, 0)).toEqual([
    { from: 5015, until: 7020, injection: null, recovery: 2005, farSlower: null },
  ]);
});
