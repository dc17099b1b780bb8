import type { Rng } from './ports.ts';

/** Arithmetic mean; NaN of nothing. */
export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/**
 * The value below which the share `p` (0..1) lies, with linear interpolation (type 7 of Hyndman and Fan, as in R and
 * NumPy); NaN of nothing. Infinity stands for what never happened and sorts last.
 */
export function quantile(values: readonly number[], p: number): number {
  return quantileSorted([...values].sort(ascending), p);
}

const ascending = (a: number, b: number): number => (a < b ? -1 : a > b ? 1 : 0);

function quantileSorted(sorted: readonly number[], p: number): number {
  const place = (sorted.length - 1) * p;
  const low = sorted[Math.floor(place)] ?? Number.NaN;
  const high = sorted[Math.ceil(place)] ?? Number.NaN;
  const part = place - Math.floor(place);
  // Infinity minus Infinity is no number.
  return part === 0 || low === high ? low : low + part * (high - low);
}

export const median = (values: readonly number[]): number => quantile(values, 0.5);

export interface Interval {
  readonly low: number;
  readonly high: number;
}

/**
 * Confidence interval of any statistic by the percentile bootstrap: 2000 resamples and 95 % by default. The same
 * `rng` gives the same interval. Null for fewer than two values.
 */
export function bootstrap(
  values: readonly number[],
  statistic: (values: readonly number[]) => number,
  rng: Rng,
  { resamples = 2000, level = 0.95 }: { readonly resamples?: number; readonly level?: number } = {},
): Interval | null {
  if (values.length < 2) return null;
  const draw = () => values.map(() => values[rng.below(values.length)] as number);
  const estimates = Array.from({ length: resamples }, () => statistic(draw())).sort(ascending);
  return { low: quantileSorted(estimates, (1 - level) / 2), high: quantileSorted(estimates, (1 + level) / 2) };
}

export interface MannWhitney {
  /** Pairs in which the value of `b` is the greater one; a tie counts half. */
  readonly u: number;
  /** Two-sided: how likely samples at least this different are when nothing changed. */
  readonly p: number;
  readonly exact: boolean;
}

/**
 * Mann–Whitney U test of two independent samples, two-sided. Exact for up to 20 values a side without ties, else by
 * the normal approximation with correction for ties and continuity. NaN for an empty side.
 */
export function mannWhitney(a: readonly number[], b: readonly number[]): MannWhitney {
  const [m, n] = [a.length, b.length];
  if (m === 0 || n === 0) return { u: Number.NaN, p: Number.NaN, exact: false };
  const { rankSum, ties } = rankOf(a, b);
  const u = rankSum - (n * (n + 1)) / 2;
  if (ties === 0 && m <= 20 && n <= 20) return { u, p: exactP(u, m, n), exact: true };
  const total = m + n;
  const variance = ((m * n) / 12) * (total + 1 - ties / (total * (total - 1)));
  const distance = Math.max(0, Math.abs(u - (m * n) / 2) - 0.5);
  return { u, p: variance > 0 ? Math.min(1, erfc(distance / Math.sqrt(2 * variance))) : 1, exact: false };
}

/** Sum of the mid-ranks of `b`, and Σ(t³ − t) over the groups of equal values. */
function rankOf(a: readonly number[], b: readonly number[]): { readonly rankSum: number; readonly ties: number } {
  const all = [...a.map((value) => ({ value, own: 0 })), ...b.map((value) => ({ value, own: 1 }))];
  all.sort((x, y) => ascending(x.value, y.value));
  let [rankSum, ties] = [0, 0];
  for (let from = 0; from < all.length; ) {
    let to = from;
    while (to < all.length && all[to]?.value === all[from]?.value) to++;
    const size = to - from;
    const own = all.slice(from, to).filter((entry) => entry.own === 1).length;
    rankSum += own * ((from + 1 + to) / 2);
    ties += size ** 3 - size;
    from = to;
  }
  return { rankSum, ties };
}

/** Two-sided tail of the exact null distribution of U. */
function exactP(u: number, m: number, n: number): number {
  const ways = waysOfU(m, n);
  const all = ways.reduce((sum, each) => sum + each, 0);
  const tail = ways.slice(0, Math.min(u, m * n - u) + 1).reduce((sum, each) => sum + each, 0);
  return Math.min(1, (2 * tail) / all);
}

/**
 * In how many orders of m and n values U takes each value 0..mn: the coefficients of the Gaussian binomial
 * ∏ (1 − x^(n+i)) / (1 − x^i), i = 1..m. Whole numbers below 2^53 for m, n ≤ 20.
 */
function waysOfU(m: number, n: number): number[] {
  const size = m * n + 1;
  const ways = [1, ...new Array<number>(size - 1).fill(0)];
  const at = (index: number) => ways[index] as number;
  for (let i = 1; i <= m; i++) {
    for (let k = size - 1; k >= n + i; k--) ways[k] = at(k) - at(k - n - i);
    for (let k = i; k < size; k++) ways[k] = at(k) + at(k - i);
  }
  return ways;
}

/** Hodges–Lehmann estimate of how much greater `b` is than `a`: the median of all differences. NaN for nothing. */
export function shift(a: readonly number[], b: readonly number[]): number {
  return median(b.flatMap((y) => a.map((x) => (x === y ? 0 : y - x))));
}

/** Complementary error function for x ≥ 0: series below 2, continued fraction above; relative error below 1e-12. */
function erfc(x: number): number {
  if (x < 2) {
    let [term, sum] = [x, x];
    for (let k = 1; k < 60; k++) {
      term *= -(x * x) / k;
      sum += term / (2 * k + 1);
    }
    return 1 - (2 / Math.sqrt(Math.PI)) * sum;
  }
  let fraction = x;
  for (let k = 80; k >= 1; k--) fraction = x + k / 2 / fraction;
  return Math.exp(-x * x) / (Math.sqrt(Math.PI) * fraction);
}
