import type { Change, Comparison, RunDiff } from '../../core/diff.ts';
import { formatDuration } from '../../core/duration.ts';
import type { Json } from '../../core/model.ts';
import { readable } from '../../report/escape.ts';
import { painter, type ViewStyle } from './style.ts';
import { type Cell, plain, renderTable } from './table.ts';

/** Most changes that are listed; a document of another kind would fill the screen. */
const mostChanges = 40;

/** What changed between two runs, or two sets of repetitions, and whether the recovery times really differ. */
export function renderDiff(diff: RunDiff, { color, width }: ViewStyle): string {
  const paint = painter(color);
  const side = (name: string, runs: readonly string[]) =>
    `${paint('soft', name)} ${plain(runs.length === 1 ? (runs[0] ?? '') : `${runs.length} runs: ${runs[0]} … ${runs.at(-1)}`)}`;
  const shown = diff.changes.slice(0, mostChanges);
  const more = diff.changes.length - shown.length;
  const options = { paint, width, indent: '  ' };
  const lines = [
    side('a', diff.a.runs),
    side('b', diff.b.runs),
    '',
    ...(shown.length === 0
      ? ['Same experiment, plan, targets and verdict.']
      : [renderTable(['Changed', 'a', 'b'], shown.map(changeRow), options)]),
    ...(more > 0 ? [`  … and ${more} more changes`] : []),
    '',
    ...(diff.recovery.length === 0
      ? ['No recovery time was measured on either side.']
      : [
          renderTable(['Recovery', 'a p50', 'b p50', 'Change', 'Significant'], diff.recovery.map(recoveryRow), options),
          paint('soft', '  Significant: Mann–Whitney test, two-sided, at 5%; at least four runs a side are needed.'),
        ]),
  ];
  return lines.join('\n');
}

function changeRow({ what, where, a, b }: Change): readonly Cell[] {
  return [where ? `${what} ${where}` : what, side(what, a), side(what, b)];
}

function side(what: Change['what'], values: readonly Json[]): Cell {
  const text = values.map((value) => (value === null ? 'absent' : short(what, readable(value)))).join(' | ');
  if (what !== 'verdict') return text;
  return { text, tone: values.every((value) => value === 'held') ? 'good' : 'bad' };
}

const short = (what: Change['what'], text: string) => (what === 'plan' ? text.slice(0, 12) : text);

function recoveryRow({ hypothesis, runs, p50, difference, shift, p, significant }: Comparison): readonly Cell[] {
  const time = (ms: number | null, n: number) =>
    n === 0 ? 'not measured' : ms === null ? 'not recovered' : formatDuration(ms);
  const change = shift ?? difference;
  const signed =
    change === null ? '–' : `${change > 0 ? '+' : change < 0 ? '−' : '±'}${formatDuration(Math.abs(change))}`;
  const tone = significant !== 'yes' || change === null ? 'plain' : change > 0 ? 'bad' : 'good';
  const verdict =
    significant === 'too few runs' ? `too few runs (${runs.a} and ${runs.b})` : `${significant} (p = ${formatP(p)})`;
  return [hypothesis, time(p50.a, runs.a), time(p50.b, runs.b), { text: signed, tone }, verdict];
}

const formatP = (p: number | null) => (p === null ? '?' : p < 0.001 ? '< 0.001' : p.toFixed(3));
