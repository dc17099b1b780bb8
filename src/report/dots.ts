import { formatDuration } from '../core/duration.ts';
import { niceCeiling } from './scale.ts';
import { el, hint, words } from './svg.ts';

/** A value on the axis with the interval that it may lie in. */
export interface Marker {
  readonly name: string;
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** A dot for each time on one axis, stacked where they meet; markers with their intervals; `lost` ones at the end. */
export function drawDots(
  times: readonly number[],
  { markers = [], lost = 0, width = 1000 }: { markers?: readonly Marker[]; lost?: number; width?: number },
): string {
  const [left, right] = [16, width - (lost > 0 ? 130 : 24)];
  const highest = Math.max(...times, ...markers.map(({ high }) => high), 1);
  const top = niceCeiling(highest);
  const x = (ms: number) => left + (ms / top) * (right - left);
  const slot = 11;
  const stacks = new Map<number, number>();
  const places = [...times]
    .sort((a, b) => a - b)
    .map((ms) => {
      const column = Math.round(x(ms) / slot);
      const level = stacks.get(column) ?? 0;
      stacks.set(column, level + 1);
      return { ms, column, level };
    });
  const tallest = Math.max(1, ...stacks.values());
  // Very many runs would make a tower: then dots in a column move closer together.
  const gap = Math.min(slot, 240 / tallest);
  const base = 28 + markers.length * 22 + tallest * gap;
  const dots = places.map(({ ms, column, level }) =>
    el('circle', { class: 'dot', cx: column * slot, cy: base - 7 - level * gap, r: 4.4 }, hint(formatDuration(ms))),
  );
  const ticks = Array.from({ length: width < 600 ? 3 : 6 }, (_, index) => (index / (width < 600 ? 2 : 5)) * top).map(
    (ms) => {
      const at = x(ms);
      return (
        el('line', { class: 'rule', x1: at, x2: at, y1: base, y2: base + 5 }) +
        words(at, base + 19, formatDuration(ms), { class: 'soft', 'text-anchor': ms === 0 ? 'start' : 'middle' })
      );
    },
  );
  const drawn = markers.map(({ name, value, low, high }, index) => {
    const y = 18 + index * 22;
    const label = `${name} ${formatDuration(value)}`;
    const flip = x(high) + 120 > width;
    return (
      el('rect', { class: 'heal', x: x(low), width: Math.max(x(high) - x(low), 2), y: y - 8, height: base - y + 8 }) +
      el('line', { class: 'stable', x1: x(value), x2: x(value), y1: y - 8, y2: base }) +
      el('line', { class: 'stable', x1: x(low), x2: x(high), y1: y - 2, y2: y - 2 }) +
      words(flip ? x(low) - 6 : x(high) + 6, y + 2, label, {
        class: 't-good bold halo',
        'text-anchor': flip ? 'end' : 'start',
      })
    );
  });
  const gone =
    lost > 0
      ? words(width - 8, base - 4, `✘ ${lost} not recovered`, { class: 't-bad bold', 'text-anchor': 'end' })
      : '';
  const label = `Recovery times of ${times.length} runs, ${formatDuration(Math.min(...times))} to ${formatDuration(Math.max(...times))}${lost ? `; ${lost} did not recover` : ''}`;
  return el(
    'svg',
    { class: 'zp', viewBox: `0 0 ${width} ${base + 28}`, role: 'img', 'aria-label': label },
    ...drawn,
    el('line', { class: 'rule', x1: left, x2: right, y1: base, y2: base }),
    ...ticks,
    ...dots,
    gone,
  );
}
