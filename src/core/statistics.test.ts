import fc from 'fast-check';
import * as simple from 'simple-statistics';
import { describe, expect, test } from 'vitest';
import { seededRng } from './rng.ts';
import { bootstrap, mannWhitney, mean, median, quantile, shift } from './statistics.ts';

const numbers = fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: 1, maxLength: 40 });
const distinct = (most: number) =>
  fc
    .uniqueArray(fc.integer({ min: 0, max: 10_000 }), { minLength: 2, maxLength: most })
    .chain((all) =>
      fc.integer({ min: 1, max: all.length - 1 }).map((cut) => [all.slice(0, cut), all.slice(cut)] as const),
    );

describe('quantile, mean, median', () => {
  test('type 7, as R computes it', () => {
    // quantile(c(15, 20, 35, 40, 50), c(.05, .25, .4, .95), type = 7)
    const values = [50, 15, 35, 20, 40];
    expect([0, 0.05, 0.25, 0.4, 0.95, 1].map((p) => quantile(values, p))).toEqual(
      [15, 16, 20, 29, 48, 50].map((v) => expect.closeTo(v, 10)),
    );
    expect(quantile([3], 0.95)).toBe(3);
    expect(quantile([], 0.5)).toBeNaN();
  });

  test('what never happened sorts last and gives no NaN', () => {
    expect(quantile([1, 2, Infinity, Infinity], 0.95)).toBe(Infinity);
    expect(quantile([1, 2, 3, Infinity], 0.5)).toBe(2.5);
  });

  test('mean and median agree with simple-statistics', () => {
    fc.assert(
      fc.property(numbers, (values) => {
        expect(mean(values)).toBeCloseTo(simple.mean(values), 9);
        expect(median(values)).toBeCloseTo(simple.median(values), 9);
      }),
    );
  });

  test('a quantile lies between the extremes and grows with p', () => {
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(numbers, share, share, (values, p, q) => {
        const [low, high] = [quantile(values, Math.min(p, q)), quantile(values, Math.max(p, q))];
        expect(low).toBeLessThanOrEqual(high + 1e-9);
        expect(low).toBeGreaterThanOrEqual(Math.min(...values));
        expect(high).toBeLessThanOrEqual(Math.max(...values));
      }),
    );
  });
});

describe('bootstrap', () => {
  const sample = Array.from({ length: 30 }, (_, i) => 100 + ((i * 37) % 30));

  test('the same seed gives the same interval, another one another', () => {
    const once = bootstrap(sample, mean, seededRng(7));
    expect(bootstrap(sample, mean, seededRng(7))).toEqual(once);
    expect(bootstrap(sample, mean, seededRng(8))).not.toEqual(once);
  });

  test('for a mean it is near mean ± 1.96 standard errors', () => {
    const { low, high } = bootstrap(sample, mean, seededRng(1)) ?? { low: Number.NaN, high: Number.NaN };
    const error = simple.standardDeviation(sample) / Math.sqrt(sample.length);
    expect(low).toBeCloseTo(mean(sample) - 1.96 * error, 0);
    expect(high).toBeCloseTo(mean(sample) + 1.96 * error, 0);
  });

  test('about 95 of 100 intervals hold the true mean of the source', () => {
    const rng = seededRng(42);
    let held = 0;
    for (let trial = 0; trial < 200; trial++) {
      const drawn = Array.from({ length: 40 }, () => rng.unit());
      const found = bootstrap(drawn, mean, rng, { resamples: 400 });
      if (found && found.low <= 0.5 && found.high >= 0.5) held++;
    }
    expect(held).toBeGreaterThan(178);
    expect(held).toBeLessThan(200);
  });

  test('a narrower level gives a narrower interval; one value gives none', () => {
    const wide = bootstrap(sample, median, seededRng(3), { level: 0.99 });
    const narrow = bootstrap(sample, median, seededRng(3), { level: 0.5 });
    expect((wide?.high ?? 0) - (wide?.low ?? 0)).toBeGreaterThan((narrow?.high ?? 0) - (narrow?.low ?? 0));
    expect(bootstrap([1], mean, seededRng(1))).toBeNull();
  });
});

describe('Mann–Whitney', () => {
  test.each([
    // All of b above all of a: 2 / C(m+n, n).
    [[1, 2, 3, 4], [5, 6, 7, 8], 16, 2 / 70],
    [[5, 6, 7, 8], [1, 2, 3, 4], 0, 2 / 70],
    [[1, 2, 3], [4, 5, 6], 9, 2 / 20],
    [[1, 2, 3, 4, 5], [6, 7, 8, 9, 10], 25, 2 / 252],
    // By hand: U = 4 of 9; P(U ≤ 4) = (1+1+2+3+3)/20.
    [[1, 4, 5], [2, 3, 6], 5, 1],
    // wilcox.test(c(0.80,0.83,1.89,1.04,1.45,1.38,1.91,1.64,0.73,1.46), c(1.15,0.88,0.90,0.74,1.21)) of R: W = 35, p = 0.2544
    [[0.8, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46], [1.15, 0.88, 0.9, 0.74, 1.21], 15, 0.254_412_254_4],
  ])('%j against %j is exact', (a, b, u, p) => {
    expect(mannWhitney(a, b)).toEqual({ u, p: expect.closeTo(p, 9), exact: true });
  });

  test('the exact p is the share of all orders that are as far out', () => {
    fc.assert(
      fc.property(distinct(9), ([a, b]) => {
        const all = [...a, ...b];
        const centre = (a.length * b.length) / 2;
        const own = Math.abs(pairsWon(a, b) - centre);
        const orders = choices(all.length, a.length);
        const far = orders.filter((chosen) => {
          const left = all.filter((_, i) => chosen.includes(i));
          const right = all.filter((_, i) => !chosen.includes(i));
          return Math.abs(pairsWon(left, right) - centre) >= own;
        });
        const { u, p, exact } = mannWhitney(a, b);
        expect(exact).toBe(true);
        expect(u).toBe(pairsWon(a, b));
        expect(p).toBeCloseTo(Math.min(1, far.length / orders.length), 9);
      }),
      { numRuns: 60 },
    );
  });

  test('U agrees with the rank sum of simple-statistics', () => {
    fc.assert(
      fc.property(numbers, numbers, (a, b) => {
        const rankSum = simple.wilcoxonRankSum([...b], [...a]);
        expect(mannWhitney(a, b).u).toBeCloseTo(rankSum - (b.length * (b.length + 1)) / 2, 6);
      }),
    );
  });

  test('many values, by the normal approximation with ties', () => {
    const a = Array.from({ length: 30 }, (_, i) => i % 10);
    const b = Array.from({ length: 30 }, (_, i) => (i % 10) + 2);
    const { u, p, exact } = mannWhitney(a, b);
    // By hand: per pair of the two patterns 0..9 and 2..11, 64 are greater and 8 equal, so U = 9 · 68 = 612;
    // Σ(t³ − t) = 8 · (216 − 6) + 4 · (27 − 3) = 1776; z = (612 − 450 − 0.5) / √(75 · (61 − 1776 / 3540)).
    const z = 161.5 / Math.sqrt(75 * (61 - 1776 / 3540));
    expect(exact).toBe(false);
    expect(u).toBe(612);
    expect(p).toBeCloseTo(2 * (1 - simple.cumulativeStdNormalProbability(z)), 3);
  });

  test('far out in the tail p stays a small number, not a rounded zero', () => {
    const a = Array.from({ length: 60 }, (_, i) => i);
    const b = a.map((value) => value + 1000);
    const { p } = mannWhitney(a, b);
    expect(p).toBeGreaterThan(1e-22);
    expect(p).toBeLessThan(1e-20);
  });

  test('nothing differs, nothing given', () => {
    expect(mannWhitney([5, 5, 5, 5], [5, 5, 5, 5])).toEqual({ u: 8, p: 1, exact: false });
    expect(mannWhitney([], [1]).p).toBeNaN();
    expect(mannWhitney([1, 2, 3, Infinity], [Infinity, Infinity, Infinity, Infinity]).p).toBeLessThan(0.1);
  });

  test('the sides may be exchanged, and p is a probability', () => {
    fc.assert(
      fc.property(numbers, numbers, (a, b) => {
        const [there, back] = [mannWhitney(a, b), mannWhitney(b, a)];
        expect(there.p).toBeCloseTo(back.p, 12);
        expect(there.u + back.u).toBeCloseTo(a.length * b.length, 9);
        expect(there.p).toBeGreaterThanOrEqual(0);
        expect(there.p).toBeLessThanOrEqual(1);
      }),
    );
  });
});

test('the shift of a sample moved by d is d', () => {
  fc.assert(
    fc.property(numbers, fc.integer({ min: -500, max: 500 }), (values, d) => {
      expect(
        shift(
          values,
          values.map((value) => value + d),
        ),
      ).toBeCloseTo(d, 9);
    }),
  );
  expect(shift([Infinity], [Infinity])).toBe(0);
  expect(shift([1, 2], [Infinity, Infinity])).toBe(Infinity);
});

const pairsWon = (a: readonly number[], b: readonly number[]): number =>
  b.flatMap((y) => a.map((x) => (y > x ? 1 : y === x ? 0.5 : 0))).reduce<number>((sum, each) => sum + each, 0);

/** All ways to choose k of 0..n-1. */
function choices(n: number, k: number): readonly (readonly number[])[] {
  if (k === 0) return [[]];
  return Array.from({ length: n }, (_, i) => i).flatMap((i) => choices(i, k - 1).map((rest) => [...rest, i]));
}
