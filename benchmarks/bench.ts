/** One figure beside its baseline, both measured in the same run, interleaved. */
export interface Figure {
  readonly name: string;
  readonly baseline: string;
  readonly ratio: number;
  /** The ratio above which the benchmark fails; null: printed only. */
  readonly limit: number | null;
  /** Absolute values, for orientation only. */
  readonly detail: string;
}

/** Median of an unsorted list. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** Median times in ms of two works, taken in turns so that a busy machine disturbs both alike. */
export async function inTurns(
  rounds: number,
  one: () => unknown,
  other: () => unknown,
): Promise<{ readonly one: number; readonly other: number }> {
  const times: { one: number[]; other: number[] } = { one: [], other: [] };
  for (let round = 0; round < rounds; round++) {
    for (const [name, work] of [
      ['one', one],
      ['other', other],
    ] as const) {
      const from = performance.now();
      await work();
      times[name].push(performance.now() - from);
    }
  }
  return { one: median(times.one), other: median(times.other) };
}
