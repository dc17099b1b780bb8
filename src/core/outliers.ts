import type { Milliseconds } from './model.ts';
import { median } from './statistics.ts';

/** So many times the median of the others. */
const timesSlower = 3;
/** So many times their median distance from it: about three standard deviations, and deaf to single ones. */
const deviations = 5;

/** A time among several that is far longer than the others. */
export interface Outlier {
  readonly index: number;
  /** Null: it never came, while most others did. */
  readonly time: Milliseconds | null;
  /** Median of the others. */
  readonly usual: Milliseconds;
}

/**
 * Which of these times are far slower than the others: more than three times their median, and farther from it than
 * they scatter, by more than `noise`. Null: it never came. With fewer than three nothing can be said, so nothing is.
 */
export function farSlower(times: readonly (Milliseconds | null)[], noise: Milliseconds): readonly Outlier[] {
  if (times.length < 3) return [];
  return times.flatMap((time, index) => {
    const others = times.filter((_, i) => i !== index).map(orNever);
    const usual = median(others);
    if (!Number.isFinite(usual)) return [];
    const scatter = median(others.map((other) => Math.abs(other - usual)));
    const own = orNever(time);
    const isSlow = own > timesSlower * usual && own > usual + deviations * scatter + noise;
    return isSlow ? [{ index, time, usual }] : [];
  });
}

const orNever = (time: Milliseconds | null): number => time ?? Number.POSITIVE_INFINITY;

/** Two readings may fall badly at both ends of a time: what is closer than that is the same. */
export const noiseOf = (every: Milliseconds): Milliseconds => 2 * every;
