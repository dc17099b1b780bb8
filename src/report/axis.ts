import { eventsOf } from '../core/timeline.ts';
import type { Part } from './panel.ts';
import { type TimeScale, tickLabel, timeTicks } from './scale.ts';
import type { Story } from './story.ts';
import { el, textWidth, words } from './svg.ts';

const phaseWords: Readonly<Record<string, string>> = { before: 'steady?', method: 'method', after: 'steady again?' };

/** The time axis with the phases of the run below it. */
export function drawAxis(story: Story, top: number, scale: TimeScale, narrow: boolean): Part {
  const ticks = timeTicks(scale.end, narrow ? 5 : 10).map((t) => {
    const x = scale.x(t);
    const anchor = x > scale.left + scale.width - 14 ? 'end' : 'middle';
    return (
      el('line', { class: 'rule', x1: x, x2: x, y1: top, y2: top + 5 }) +
      words(x, top + 18, tickLabel(t, scale.end), { class: 'soft', 'text-anchor': anchor })
    );
  });
  const phases = eventsOf(story.timed, 'phase').flatMap(({ t, event }, index, all) => {
    const word = phaseWords[event.phase];
    if (word === undefined) return [];
    const [from, to] = [scale.x(t), scale.x(all[index + 1]?.t ?? scale.end)];
    if (to - from < textWidth(word) + 8) return [];
    const mid = (from + to) / 2;
    return [
      el('path', {
        class: 'rule',
        fill: 'none',
        d: `M${Math.round(from) + 2} ${top + 30}v4h${Math.max(1, Math.round(to - from) - 4)}v-4`,
      }),
      words(mid, top + 47, word, { class: 'soft', 'text-anchor': 'middle' }),
    ];
  });
  const line = el('line', { class: 'rule', x1: scale.left, x2: scale.left + scale.width, y1: top, y2: top });
  return { svg: line + ticks.join('') + phases.join(''), height: phases.length > 0 ? 52 : 24 };
}

/** What the marks mean; only those that the picture has. */
export function drawLegend(story: Story, top: number, scale: TimeScale, narrow: boolean): Part {
  const items: [string, (x: number, y: number) => string][] = [];
  const lasting = story.injections.some(({ reversible }) => reversible);
  const shots = story.injections.some(({ reversible }) => !reversible);
  const limits = story.hypotheses.some(({ series }) => series && (series.band.min ?? series.band.max) !== undefined);
  if (lasting)
    items.push(['fault is on', (x, y) => el('rect', { class: 'wash', x, y: y - 10, width: 18, height: 12 })]);
  if (shots) items.push(['one-shot fault', (x, y) => el('path', { class: 'bar', d: `M${x + 9} ${y + 1}l-6 -11h12z` })]);
  items.push(['good reading', (x, y) => el('rect', { class: 'ok', x: x + 4, y: y - 6, width: 10, height: 4 })]);
  items.push([
    'bad reading',
    (x, y) => el('path', { class: 'cross', d: `M${x + 6} ${y - 7}l5.2 5.2m0 -5.2l-5.2 5.2` }),
  ]);
  if (limits) items.push(['limit', (x, y) => el('line', { class: 'limit', x1: x, x2: x + 18, y1: y - 4, y2: y - 4 })]);
  if (story.hypotheses.some(({ times }) => (times?.recovery ?? 0) > 0)) {
    items.push([
      'steady again',
      (x, y) => el('line', { class: 'stable', x1: x + 9, x2: x + 9, y1: y - 11, y2: y + 2 }),
    ]);
  }
  let [x, y] = [scale.left, top + 12];
  const drawn = items.map(([label, draw]) => {
    const width = 26 + textWidth(label) + (narrow ? 10 : 20);
    if (x + width > scale.left + scale.width + 20) [x, y] = [scale.left, y + 20];
    const svg = draw(x, y) + words(x + 24, y, label, { class: 'soft' });
    x += width;
    return svg;
  });
  return { svg: drawn.join(''), height: y - top + 4 };
}
