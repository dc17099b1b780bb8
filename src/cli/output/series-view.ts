import { formatDuration } from '../../core/duration.ts';
import type { JournalEvent } from '../../core/events.ts';
import { type Estimate, type Spread, summarize } from '../../core/series.ts';
import { outcomeWords } from '../../report/outcome.ts';
import { slowRunText } from '../../report/phrases.ts';
import { formatShare } from '../../report/story.ts';
import { painter, type ViewStyle } from './style.ts';
import { plain, renderTable } from './table.ts';

/** What several repetitions come to: verdicts, and recovery times as p50 and p95 with their 95% intervals. */
export function renderSeries(
  runs: readonly (readonly JournalEvent[])[],
  { color, width }: ViewStyle = { color: false, width: 100 },
): string {
  const paint = painter(color);
  const summary = summarize(
    runs.map((events) => {
      const start = events.find((event) => event.type === 'run-started');
      return { id: start?.run ?? 'unknown', events };
    }),
  );
  const verdicts = Object.entries(summary.outcomes).map(([outcome, n]) => {
    const { mark, tone } = outcomeWords[outcome as keyof typeof outcomeWords];
    return paint(tone === 'good' ? 'good' : tone === 'quiet' ? 'warn' : 'bad', `${mark} ${n} ${outcome}`);
  });
  const rows = summary.hypotheses.map(({ name, recovery, detect, during }) => [
    name,
    quantile(recovery, recovery.p50),
    quantile(recovery, recovery.p95),
    recovery.never === 0 ? '0' : { text: String(recovery.never), tone: 'bad' as const },
    detect.values.length === 0 ? 'never' : detect.p50.value === null ? '–' : formatDuration(detect.p50.value),
    during === null ? '–' : formatShare(during),
  ]);
  const head = ['Recovery of', 'p50 (95% interval)', 'p95', 'Never', 'First bad', 'Good'];
  const table = rows.length === 0 ? '' : `\n\n${renderTable(head, rows, { paint, width, indent: '  ' })}`;
  const slow = summary.hypotheses.flatMap(({ name, farSlower }) =>
    farSlower.map((each) => paint('warn', `\n  ⚠ ${plain(`${name}: run ${each.run} ${slowRunText(each)}`)}`)),
  );
  return `${paint('strong', `${runs.length} runs`)}  ${verdicts.join('  ')}${table}${slow.join('')}`;
}

/** `1.4 s (1.2 s – 1.9 s)`. */
function quantile({ values }: Spread, { value, low, high }: Estimate): string {
  if (values.length === 0) return '–';
  const shown = (each: number | null) => (each === null ? 'never' : formatDuration(each));
  return low === null && high === null ? shown(value) : `${shown(value)} (${shown(low)} – ${shown(high)})`;
}
