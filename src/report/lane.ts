import { clip } from './escape.ts';
import { type InjectionStory, standing } from './injections.ts';
import type { Part } from './panel.ts';
import { type TimeScale, tickLabel } from './scale.ts';
import type { Story } from './story.ts';
import { el, hint, textWidth, words } from './svg.ts';

interface Row {
  readonly label: string;
  readonly injections: readonly InjectionStory[];
}

/** One row per fault and target; what does not fit is counted. */
function rowsOf(story: Story): { readonly rows: readonly Row[]; readonly more: number } {
  const rows = new Map<string, InjectionStory[]>();
  for (const injection of story.injections) {
    const key = `${injection.fault} → ${injection.target.name} (${injection.target.id})`;
    rows.set(key, [...(rows.get(key) ?? []), injection]);
  }
  const all = [...rows.entries()].map(([label, injections]) => ({ label, injections }));
  return { rows: all.slice(0, 12), more: Math.max(0, all.length - 12) };
}

/** What was done to what, as bars over time. */
export function drawLane(story: Story, top: number, scale: TimeScale): Part {
  const { rows, more } = rowsOf(story);
  const parts = [words(scale.left - 8, top + 13, 'Faults', { class: 'soft', 'text-anchor': 'end' })];
  const right = scale.left + scale.width;
  let y = top;
  for (const row of rows) {
    const first = scale.x(row.injections[0]?.injectedAt ?? row.injections[0]?.intentAt ?? 0);
    const last = row.injections.at(-1);
    const suffix = row.injections.length > 1 ? ` × ${row.injections.length}` : last ? stateSuffix(last) : '';
    const label = clip(row.label + suffix, Math.floor(scale.width / 7.4));
    const x = Math.max(scale.left, Math.min(first, right - textWidth(label, 13) - 4));
    parts.push(words(x, y + 13, label, { class: 't-fault halo bold' }));
    parts.push(...row.injections.map((injection) => drawBar(injection, y + 19, scale)));
    y += 34;
  }
  if (rows.length === 0) {
    const text = story.ending === 'unfinished' ? 'none so far' : 'nothing was injected';
    parts.push(words(scale.left + 4, y + 13, text, { class: 'soft' }));
    y += 22;
  }
  if (more > 0) {
    parts.push(words(scale.left + 4, y + 13, `and ${more} more targets, see the table`, { class: 'soft' }));
    y += 22;
  }
  return { svg: parts.join(''), height: y - top };
}

function stateSuffix(injection: InjectionStory): string {
  const by = injection.recovered && injection.recovered.by.role !== 'run' ? ` by ${injection.recovered.by.role}` : '';
  if (injection.state === 'outstanding' || injection.state === 'on' || injection.state === 'failed') {
    return ` · ${standing(injection)}`;
  }
  return by ? ` · undone${by}` : '';
}

function drawBar(injection: InjectionStory, y: number, scale: TimeScale): string {
  const from = scale.x(injection.injectedAt ?? injection.intentAt);
  const until = injection.recovered?.t ?? null;
  const tip = hint(
    `${injection.fault} on ${injection.target.name}: ${standing(injection)}, from ${tickLabel(injection.injectedAt ?? injection.intentAt, 0)}` +
      (until === null ? '' : ` to ${tickLabel(until, 0)}`),
  );
  if (!injection.reversible) {
    return el('g', {}, tip, el('path', { class: 'bar', d: `M${Math.round(from * 10) / 10} ${y + 11}l-6 -11h12z` }));
  }
  const to = until === null ? scale.left + scale.width : scale.x(until);
  const open = until === null || injection.state === 'failed';
  const shape = { x: from, y, width: Math.max(to - from, 2.5), height: 9, rx: 2 };
  const edge = open ? '' : el('rect', { class: 'bar', x: to - 1, y: y - 2, width: 2, height: 13 });
  return el('g', {}, tip, el('rect', { class: open ? 'bar-open' : 'bar', ...shape }), edge);
}

/** The spans of all lasting faults behind the panels, and a line for each one-shot fault. */
export function drawShades(story: Story, top: number, bottom: number, scale: TimeScale): string {
  const spans = story.injections
    .filter((injection) => injection.reversible && injection.injectedAt !== null)
    .map((injection) => ({
      from: scale.x(injection.injectedAt ?? 0),
      to: scale.x(injection.recovered?.t ?? scale.end),
    }))
    .sort((a, b) => a.from - b.from);
  const merged: { from: number; to: number }[] = [];
  for (const span of spans) {
    const last = merged.at(-1);
    if (last && span.from <= last.to) last.to = Math.max(last.to, span.to);
    else merged.push({ ...span });
  }
  const shots = story.injections.filter(({ reversible, injectedAt }) => !reversible && injectedAt !== null);
  return (
    merged
      .map(({ from, to }) =>
        el('rect', { class: 'wash', x: from, y: top, width: Math.max(to - from, 1), height: bottom - top }),
      )
      .join('') +
    shots
      .slice(0, 500)
      .map(({ injectedAt }) =>
        el('line', {
          class: 'shot',
          x1: scale.x(injectedAt ?? 0),
          x2: scale.x(injectedAt ?? 0),
          y1: top + 12,
          y2: bottom,
        }),
      )
      .join('')
  );
}
