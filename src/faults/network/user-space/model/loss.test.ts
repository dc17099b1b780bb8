import { expect, test } from 'vitest';
import { seededRng } from '../../../../core/rng.ts';
import type { Loss } from '../../effects.ts';
import { chance } from './chance.ts';
import { loss } from './loss.ts';

const packets = 200_000;
const losses = (asked: Loss, seed = 7): readonly boolean[] => {
  const next = loss(asked, seededRng(seed));
  return Array.from({ length: packets }, next);
};
const share = (happened: readonly boolean[]) => happened.filter(Boolean).length / happened.length;

/** The loss in the long run, by following the shares of all states instead of one draw. */
function stationary(p: Extract<Loss, { readonly model: 'state' }>): number {
  const [p13, p31, p32, p23, p14] = [p.p13 / 100, p.p31 / 100, p.p32 / 100, p.p23 / 100, p.p14 / 100];
  let [s1, s2, s3, s4] = [1, 0, 0, 0];
  for (let step = 0; step < 20_000; step++) {
    [s1, s2, s3, s4] = [
      s1 * (1 - p13 - p14) + s3 * p31 + s4,
      s2 * (1 - p23) + s3 * p32,
      s1 * p13 + s2 * p23 + s3 * (1 - p31 - p32),
      s1 * p14,
    ];
  }
  return s3 + s4;
}

test('random loss holds its percentage, whole or not', () => {
  expect(share(losses({ model: 'random', percent: 30, correlation: 0 }))).toBeCloseTo(0.3, 2);
  expect(share(losses({ model: 'random', percent: 0.5, correlation: 0 }))).toBeCloseTo(0.005, 3);
  expect(share(losses({ model: 'random', percent: 0, correlation: 0 }))).toBe(0);
  expect(share(losses({ model: 'random', percent: 100, correlation: 0 }))).toBe(1);
});

test('a hundred-thousandth is not rounded away', () => {
  const next = loss({ model: 'random', percent: 0.001, correlation: 0 }, seededRng(1));
  const lost = Array.from({ length: 2_000_000 }, next).filter(Boolean).length;
  expect(lost).toBeGreaterThan(5);
  expect(lost).toBeLessThan(40);
});

test('the same seed loses the same packets, another one others', () => {
  const asked: Loss = { model: 'random', percent: 10, correlation: 20 };
  expect(losses(asked, 3)).toEqual(losses(asked, 3));
  expect(losses(asked, 3)).not.toEqual(losses(asked, 4));
});

test('correlated losses come in a row', () => {
  const rows = (correlation: number) => {
    const lost = losses({ model: 'random', percent: 50, correlation });
    return lost.filter((one, at) => one && lost[at - 1]).length / lost.filter(Boolean).length;
  };
  expect(rows(0)).toBeCloseTo(0.5, 1);
  expect(rows(75)).toBeGreaterThan(0.7);
});

test.each([
  { p13: 5, p31: 50, p32: 20, p23: 30, p14: 1 },
  { p13: 1, p31: 100, p32: 0, p23: 100, p14: 0 },
  { p13: 10, p31: 20, p32: 60, p23: 5, p14: 5 },
])('the four-state chain loses as much as its equations say: %o', (p) => {
  const asked = { model: 'state', ...p } as const;
  expect(share(losses(asked))).toBeCloseTo(stationary(asked), 2);
});

test.each([
  { pg: 2, pb: 20, oneH: 100, oneK: 0 },
  { pg: 10, pb: 30, oneH: 80, oneK: 1 },
  { pg: 1, pb: 99, oneH: 50, oneK: 5 },
])('Gilbert-Elliott loses as much as its equations say: %o', (p) => {
  const bad = p.pg / (p.pg + p.pb);
  const expected = (bad * p.oneH + (1 - bad) * p.oneK) / 100;
  expect(share(losses({ model: 'gemodel', ...p }))).toBeCloseTo(expected, 2);
});

test('Gilbert-Elliott loses in bursts as long as the bad time', () => {
  const lost = losses({ model: 'gemodel', pg: 1, pb: 10, oneH: 100, oneK: 0 });
  const bursts = lost.filter((one, at) => one && !lost[at - 1]).length;
  expect(lost.filter(Boolean).length / bursts).toBeCloseTo(10, 0);
});

test('every third packet, beginning with the second', () => {
  const next = loss({ model: 'nth', every: 3, packet: 1 }, seededRng(1));
  expect(Array.from({ length: 7 }, next)).toEqual([false, true, false, false, true, false, false]);
});

test('nothing asked: nothing happens, and nothing is drawn', () => {
  const never = { below: () => 0, unit: () => expect.unreachable() };
  expect(loss(undefined, never)()).toBe(false);
  expect(chance(undefined, never)()).toBe(false);
  expect(chance({ percent: 0, correlation: 50 }, never)()).toBe(false);
});
