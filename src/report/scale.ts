import type { Milliseconds } from '../core/model.ts';
import type { Sample } from './readings.ts';

/** Maps the run's time line onto the drawing; times outside are clamped to its edges. */
export interface TimeScale {
  readonly end: Milliseconds;
  readonly left: number;
  readonly width: number;
  x(t: Milliseconds): number;
}

export function timeScale(end: Milliseconds, left: number, width: number): TimeScale {
  const span = Math.max(end, 1);
  return { end: span, left, width, x: (t) => left + (Math.min(Math.max(t, 0), span) / span) * width };
}

const steps = [1, 2, 5, 10, 20, 50, 100, 200, 500].concat(
  [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200, 86_400].map((s) => s * 1000),
);

/** Round times to label, at most `most` of them. */
export function timeTicks(end: Milliseconds, most: number): readonly Milliseconds[] {
  const step = steps.find((candidate) => end / candidate <= most) ?? Math.ceil(end / most / 86_400_000) * 86_400_000;
  return Array.from({ length: Math.floor(end / step) + 1 }, (_, index) => index * step);
}

/** `0 s`, `12 s`, `0.5 s`, and from two minutes on `2:30`, `1:05:00`. */
export function tickLabel(t: Milliseconds, end: Milliseconds): string {
  if (end < 120_000) return `${Number((t / 1000).toFixed(3))} s`;
  const seconds = Math.round(t / 1000);
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60), seconds % 60];
  const two = (n: number) => String(n).padStart(2, '0');
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** A round number at or above `value`, for the top of a value axis. */
export function niceCeiling(value: number): number {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10].find((factor) => factor * power >= value - 1e-9) ?? 10) * power;
}

/** A column of the drawing and what was read in it. */
export interface Column {
  readonly from: Milliseconds;
  readonly to: Milliseconds;
  readonly good: number;
  readonly bad: number;
  readonly low: Sample | null;
  readonly high: Sample | null;
}

/** Samples gathered into at most `count` columns of equal time; empty columns are left out. */
export function columns(samples: readonly Sample[], end: Milliseconds, count: number): readonly Column[] {
  const width = Math.max(end, 1) / Math.max(count, 1);
  const groups = new Map<number, Sample[]>();
  for (const sample of samples) {
    const index = Math.min(Math.floor(sample.t / width), count - 1);
    const group = groups.get(index);
    if (group) group.push(sample);
    else groups.set(index, [sample]);
  }
  return [...groups.entries()]
    .sort(([a], [b]) => a - b)
    .map(([index, group]) => {
      const numbers = group
        .filter((sample) => sample.number !== null)
        .sort((a, b) => (a.number ?? 0) - (b.number ?? 0));
      const bad = group.filter((sample) => !sample.ok).length;
      return {
        from: index * width,
        to: (index + 1) * width,
        good: group.length - bad,
        bad,
        low: numbers[0] ?? null,
        high: numbers.at(-1) ?? null,
      };
    });
}

/** What a line should go through: every sample when they are few, else the lowest and highest of each column. */
export function thin(samples: readonly Sample[], end: Milliseconds, count: number): readonly Sample[] {
  if (samples.length <= count) return samples;
  const kept = columns(samples, end, Math.floor(count / 2)).flatMap(({ low, high }) =>
    low === null || high === null ? [] : low === high ? [low] : [low, high].sort((a, b) => a.t - b.t),
  );
  return kept;
}
