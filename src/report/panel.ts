import { formatDuration } from '../core/duration.ts';
import { clip } from './escape.ts';
import { outcomeNote } from './phrases.ts';
import type { Sample } from './readings.ts';
import { columns, niceCeiling, type TimeScale, thin } from './scale.ts';
import type { HypothesisStory } from './story.ts';
import { el, hint, round, textWidth, words } from './svg.ts';

/** A drawn part of the picture and how high it is. */
export interface Part {
  readonly svg: string;
  readonly height: number;
}

const strip = 12;

/** One hypothesis: its readings over time, its limit, and when it was steady again. */
export function drawPanel(story: HypothesisStory, top: number, scale: TimeScale, narrow: boolean): Part {
  const note = outcomeNote(story);
  const right = scale.left + scale.width;
  const tone = story.judged === 'bad' ? 't-bad' : story.judged === 'good' ? 't-good' : 'soft';
  const room = narrow ? scale.width : Math.max(150, scale.width - textWidth(note) - 24);
  const name = clip(story.name, Math.floor(room / 8));
  const head = narrow
    ? words(scale.left, top + 13, name, { class: 'strong' }) +
      words(scale.left, top + 30, clip(note, Math.floor(scale.width / 6.4)), { class: tone })
    : words(scale.left, top + 13, name, { class: 'strong' }) +
      words(right, top + 13, note, { class: tone, 'text-anchor': 'end' });
  const plotTop = top + (narrow ? 40 : 24);
  const numbers = story.samples.some((sample) => sample.number !== null);
  const plotHeight = numbers ? (narrow ? 96 : 120) : 0;
  const stripTop = plotTop + plotHeight + (numbers ? 6 : 18);
  const body = numbers ? drawPlot(story, plotTop, plotHeight, scale) : '';
  const marks = drawStrip(story.samples, stripTop, scale);
  const healing = drawRecovery(story, plotTop, stripTop + strip, scale);
  const label = narrow
    ? ''
    : words(scale.left - 8, stripTop + strip - 2, 'readings', { class: 'soft', 'text-anchor': 'end' });
  const empty =
    story.samples.length === 0
      ? words(scale.left + 8, stripTop + strip - 2, 'no readings in the journal', { class: 'soft' })
      : '';
  return { svg: head + body + marks + label + empty + healing, height: stripTop + strip - top };
}

function drawPlot(story: HypothesisStory, top: number, height: number, scale: TimeScale): string {
  const { samples, series } = story;
  const numbers = samples.flatMap((sample) => (sample.number === null ? [] : [sample.number]));
  const highest = numbers.reduce((max, value) => Math.max(max, value), 0);
  const limits = [series?.band.min, series?.band.max].filter((value): value is number => value !== undefined);
  const shown = limits.filter((value) => value <= highest * 2.5);
  const stepped = series?.unit === '' && numbers.every(Number.isInteger);
  const peak = Math.max(highest * 1.08, ...shown.map((value) => value * 1.15));
  // A count has no halves: its axis ends at an even number, so that the middle is whole, too.
  const ceiling = stepped && peak < 10 ? Math.max(2, Math.ceil(peak / 2) * 2) : niceCeiling(peak);
  const floor = Math.min(
    0,
    numbers.reduce((min, value) => Math.min(min, value), 0),
  );
  const y = (value: number) => top + height - ((value - floor) / (ceiling - floor)) * height;
  const right = scale.left + scale.width;
  const unit = series?.unit ?? '';
  const ticks = [floor, (floor + ceiling) / 2, ceiling].map(
    (value) =>
      el('line', { class: 'rule', x1: scale.left, x2: right, y1: y(value), y2: y(value) }) +
      words(scale.left - 8, y(value) + 4, amount(value, unit), { class: 'soft', 'text-anchor': 'end' }),
  );
  const plot = { y, top, height, scale, unit };
  const parts = [
    ...ticks,
    drawLimits(story, shown, plot),
    el('path', { class: 'series', d: linePath(thin(samples, scale.end, 900), scale, y, stepped) }),
  ];
  if (samples.length <= 220 && !stepped) {
    const good = samples.filter((sample) => sample.ok && sample.number !== null);
    parts.push(
      ...good.map((sample) => el('circle', { class: 'dot', cx: scale.x(sample.t), cy: y(sample.number ?? 0), r: 1.9 })),
    );
  }
  parts.push(el('path', { class: 'cross', d: crosses(samples, scale, y, top + 5) }));
  parts.push(limitLabels(story, shown, plot));
  return parts.join('');
}

interface Plot {
  readonly y: (value: number) => number;
  readonly top: number;
  readonly height: number;
  readonly scale: TimeScale;
  readonly unit: string;
}

function drawLimits(story: HypothesisStory, shown: readonly number[], { y, top, height, scale }: Plot): string {
  const { min, max } = story.series?.band ?? {};
  const parts: string[] = [];
  const area = (from: number, to: number) =>
    to - from > 0.5 ? el('rect', { class: 'over', x: scale.left, width: scale.width, y: from, height: to - from }) : '';
  if (max !== undefined && max !== min && shown.includes(max)) parts.push(area(top, y(max)));
  if (min !== undefined && max !== min && shown.includes(min)) parts.push(area(y(min), top + height));
  for (const value of new Set(shown)) {
    parts.push(
      el('line', { class: 'limit', x1: scale.left, x2: scale.left + scale.width, y1: y(value), y2: y(value) }),
    );
  }
  return parts.join('');
}

/** Drawn last, so that no reading hides them. */
function limitLabels(story: HypothesisStory, shown: readonly number[], { y, top, scale, unit }: Plot): string {
  const { min, max } = story.series?.band ?? {};
  return [...new Set(shown)]
    .map((value) => {
      const word = min === max ? 'must be' : value === max ? 'limit' : 'at least';
      const at = y(value) - 5 < top + 8 ? y(value) + 14 : y(value) - 5;
      const place = { class: 't-bad halo', 'text-anchor': 'end' };
      return words(scale.left + scale.width - 4, at, `${word} ${amount(value, unit)}`, place);
    })
    .join('');
}

function linePath(
  samples: readonly Sample[],
  scale: TimeScale,
  y: (value: number) => number,
  stepped: boolean,
): string {
  let path = '';
  let broken = true;
  for (const sample of samples) {
    if (sample.number === null) {
      broken = true;
      continue;
    }
    const [px, py] = [round(scale.x(sample.t)), round(y(sample.number))];
    path += broken ? `M${px} ${py}` : stepped ? `H${px}V${py}` : `L${px} ${py}`;
    broken = false;
  }
  return path || 'M0 0';
}

/** A cross for each bad reading, at most one in 3 px; those without a number sit at the top edge. */
function crosses(samples: readonly Sample[], scale: TimeScale, y: (value: number) => number, edge: number): string {
  let path = '';
  let lastX = Number.NEGATIVE_INFINITY;
  for (const sample of samples) {
    if (sample.ok || scale.x(sample.t) - lastX < 3) continue;
    lastX = scale.x(sample.t);
    const py = sample.number === null ? edge : y(sample.number);
    path += `M${round(lastX - 2.6)} ${round(py - 2.6)}l5.2 5.2m0 -5.2l-5.2 5.2`;
  }
  return path || 'M0 0';
}

/** Every reading as a mark: short and pale when good, tall and dark when bad, so colour is not needed to tell. */
function drawStrip(samples: readonly Sample[], top: number, scale: TimeScale): string {
  const fine = samples.length <= scale.width / 3;
  const cells = fine
    ? samples.map((sample) => ({ x: scale.x(sample.t) - 1, width: 2, good: sample.ok ? 1 : 0, bad: sample.ok ? 0 : 1 }))
    : columns(samples, scale.end, Math.floor(scale.width / 2)).map(({ from, to, good, bad }) => {
        const x = scale.x(from);
        return { x, width: scale.x(to) - x, good, bad };
      });
  let [ok, ko] = ['', ''];
  for (const cell of cells) {
    const [x, width] = [round(cell.x), round(cell.width)];
    if (cell.bad === 0) ok += `M${x} ${round(top + strip / 2 - 2)}h${width}v4h-${width}z`;
    else ko += `M${x} ${round(top)}h${width}v${strip}h-${width}z`;
  }
  const bad = samples.filter((sample) => !sample.ok).length;
  const text = `${samples.length - bad} of ${samples.length} readings were good`;
  const track = el('line', {
    class: 'track',
    x1: scale.left,
    x2: scale.left + scale.width,
    y1: top + strip,
    y2: top + strip,
  });
  return (
    track +
    el('g', {}, hint(text), el('path', { class: 'ok', d: ok || 'M0 0' }), el('path', { class: 'ko', d: ko || 'M0 0' }))
  );
}

/** From when it could heal to when it was steady: a bracket with the recovery time. */
function drawRecovery(story: HypothesisStory, top: number, bottom: number, scale: TimeScale): string {
  const { stableAt, times } = story;
  if (stableAt === null || times?.recovery === null || times?.recovery === undefined || times.recovery <= 0) return '';
  const from = scale.x(stableAt - times.recovery);
  const to = scale.x(stableAt);
  const y = top + 6;
  const text = `recovery ${formatDuration(times.recovery)}`;
  const fitsRight = to + 8 + textWidth(text) < scale.left + scale.width;
  const spot = fitsRight ? { x: to + 7, anchor: 'start' } : { x: Math.min(from, to) - 7, anchor: 'end' };
  return (
    el('rect', { class: 'heal', x: from, width: Math.max(to - from, 1), y: top, height: bottom - top }) +
    el('line', { class: 'stable', x1: to, x2: to, y1: top, y2: bottom }) +
    el('path', {
      class: 'bracket',
      d: `M${round(from)} ${y - 4}v8M${round(from)} ${y}H${round(to)}M${round(to)} ${y - 4}v8`,
    }) +
    words(spot.x, y + 5, text, { class: 't-good bold halo', 'text-anchor': spot.anchor })
  );
}

/** 1500 → `1,500`, 0.25 → `0.25`. */
export function shortNumber(value: number): string {
  if (Math.abs(value) >= 1e6) return `${Number((value / 1e6).toPrecision(3))}M`;
  return Number(value.toPrecision(4)).toLocaleString('en-US');
}

/** A value with its unit; times of a second and more in seconds. */
function amount(value: number, unit: string): string {
  if (unit === 'ms') return Math.abs(value) >= 1000 ? `${shortNumber(value / 1000)} s` : `${shortNumber(value)} ms`;
  if (unit === 'B' && Math.abs(value) >= 1024) {
    const power = Math.min(4, Math.floor(Math.log2(Math.abs(value)) / 10));
    return `${Number((value / 1024 ** power).toPrecision(3))} ${['B', 'KiB', 'MiB', 'GiB', 'TiB'][power]}`;
  }
  return unit ? `${shortNumber(value)} ${unit}` : shortNumber(value);
}
