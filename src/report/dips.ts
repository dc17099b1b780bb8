import { type Dip, dipsOf } from '../core/dips.ts';
import { formatDuration } from '../core/duration.ts';
import type { JournalEvent } from '../core/events.ts';
import { median } from '../core/statistics.ts';
import { slowText } from '../core/watched.ts';
import { clip, escapeMarkdown } from './escape.ts';
import type { InjectionStory } from './injections.ts';
import { html, type Markup, table } from './page.ts';
import { offset } from './phrases.ts';
import type { Sample } from './readings.ts';
import type { HypothesisStory, Story } from './story.ts';

/** A dip with what was read in it. */
export interface DipStory extends Dip {
  /** `pod-kill → web-0`; null: of somebody else. */
  readonly after: string | null;
  /** The reading in it that was farthest from `usual`, the median of the good ones; null: no numbers were read. */
  readonly worst: number | null;
  readonly usual: number | null;
}

/** The dips of one hypothesis, with what came before each and how deep it was. */
export function dipStories(
  events: readonly JournalEvent[],
  index: number,
  samples: readonly Sample[],
  injections: readonly InjectionStory[],
): readonly DipStory[] {
  const good = samples.flatMap(({ ok, number }) => (ok && number !== null ? [number] : []));
  const usual = good.length > 0 ? median(good) : null;
  return dipsOf(events, index).map((dip) => {
    const cause = injections.find(({ id }) => id === dip.injection);
    const within = samples.filter(({ t, ok }) => !ok && t >= dip.from && (dip.until === null || t < dip.until));
    const numbers = within.flatMap(({ number }) => (number === null ? [] : [number]));
    const off = (value: number) => Math.abs(value - (usual ?? 0));
    const worst = numbers.reduce<number | null>(
      (far, value) => (far === null || off(value) > off(far) ? value : far),
      null,
    );
    return { ...dip, after: cause ? `${cause.fault} → ${cause.target.name}` : null, worst, usual };
  });
}

/** Dips are worth a table when there are several, or when nothing else tells of the only one. */
const toTell = ({ hypotheses }: Story): readonly HypothesisStory[] =>
  hypotheses.filter(({ dips, times }) => dips.length > 1 || (dips.length === 1 && times === null));

interface Row {
  readonly name: string;
  readonly when: string;
  readonly after: string;
  readonly worst: string;
  readonly recovery: string;
  readonly slow: string | null;
}

/** So many dips are told; the journal has them all. */
const mostDips = 100;

const rowsOf = (story: Story): readonly Row[] =>
  toTell(story)
    .flatMap((hypothesis) => hypothesis.dips.map((dip, i) => rowOf(hypothesis, dip, i)))
    .slice(0, mostDips);

function rowOf({ name, series, dips }: HypothesisStory, dip: DipStory, i: number): Row {
  const unit = series?.unit ? ` ${series.unit}` : '';
  const amount = (value: number) => `${Number(value.toPrecision(4)).toLocaleString('en-US')}${unit}`;
  return {
    name: `${name}, ${i + 1} of ${dips.length}`,
    when: offset(dip.from),
    after: dip.after ?? 'none of ours',
    worst:
      dip.worst === null ? '–' : `${amount(dip.worst)}${dip.usual === null ? '' : ` (usually ${amount(dip.usual)})`}`,
    recovery: dip.recovery === null ? 'not recovered' : formatDuration(dip.recovery),
    slow: slowText(dip) === null ? null : `far slower: ${slowText(dip)}`,
  };
}

const head = ['Dip', 'Began', 'After', 'Worst reading', 'Recovery'];

/** The dips as a table; null when there is no need for one. */
export function dipTable(story: Story): Markup | null {
  const rows = rowsOf(story).map(({ name, when, after, worst, recovery, slow }) => [
    html`${clip(name, 160)}`,
    html`<span class="num">${when}</span>`,
    html`${clip(after, 160)}`,
    html`<span class="num">${worst}</span>`,
    html`<span class="num ${slow ? 'ko' : ''}">${recovery}</span>${slow ? html`<small class="ko">${slow}</small>` : ''}`,
  ]);
  return rows.length === 0 ? null : table(head, rows);
}

/** The same as lines of Markdown. */
export function dipLines(story: Story): readonly string[] {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const rows = rowsOf(story).map(({ name, when, after, worst, recovery, slow }) =>
    line([
      escapeMarkdown(clip(name, 120)),
      when,
      escapeMarkdown(clip(after, 120)),
      worst,
      slow ? `**${recovery}**, ${slow}` : recovery,
    ]),
  );
  return rows.length === 0 ? [] : [line(head), line(head.map(() => '---')), ...rows, ''];
}
