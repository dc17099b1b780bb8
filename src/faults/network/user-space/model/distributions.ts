/** The tables by which netem draws a delay, made as iproute2 6.1 makes its files `normal.dist` and so on. */

const size = 4096;
/** One standard deviation. */
const scale = 8192;
const highest = 32_767;
/** The generators work on four times as many steps, and write every fourth. */
const steps = size * 4;

/** Deviations in units of the jitter, from low to high: pick one at random. */
export type Deviations = readonly number[];

/** Normal distribution by its inverse, cut at ±4. */
export function normalTable(): Deviations {
  return quantiles((quantile) => units(quantile));
}

/** Pareto distribution with a = 3, moved to a mean of 0, cut at 4. */
export function paretoTable(): Deviations {
  return Array.from({ length: size }, (_, at) => pareto(at) / scale);
}

/** A quarter normal, three quarters Pareto; of whole numbers, the rest cut off. */
export function paretonormalTable(): Deviations {
  return quantiles((quantile, at) => Math.trunc(0.25 * units(quantile) + 0.75 * pareto(at)));
}

const units = (deviation: number): number => Math.round(deviation * scale);

const pareto = (at: number): number => Math.min(highest, units((((1 - at / size) ** (-1 / 3) - 1.5) * 4) / 3));

/** For each share of all, the largest x that still rounds to it. The integral of the bell curve, by Simpson's rule. */
function quantiles(value: (quantile: number, at: number) => number): Deviations {
  const bell = (x: number) => Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
  const table = new Float64Array(steps + 1);
  const width = 0.000_05;
  let below = 0;
  for (let step = 0; step < 20 / width; step++) {
    const x = -10 + step * width;
    table[Math.round(steps * below)] = x;
    below += (width / 6) * (bell(x) + 4 * bell(x + width / 2) + bell(x + width));
  }
  const within = (units: number) => Math.max(-highest - 1, Math.min(highest, units)) / scale;
  return Array.from({ length: size }, (_, at) => within(value(table[at * 4] ?? 0, at)));
}
