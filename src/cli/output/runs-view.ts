import { formatDuration } from '../../core/duration.ts';
import type { JournalEvent } from '../../core/events.ts';
import type { EpochMs, Outcome } from '../../core/model.ts';
import { eventLines } from '../../report/event-lines.ts';
import { outcomeWords } from '../../report/outcome.ts';
import { offset } from '../../report/phrases.ts';
import { tellStory } from '../../report/story.ts';
import { painter, type Tone, type ViewStyle } from './style.ts';
import { type Cell, plain, renderTable, truncate } from './table.ts';
import { renderVerdict } from './verdict-view.ts';

/** A run in the list. */
export interface RunRow {
  readonly id: string;
  readonly experiment: string;
  readonly startedAt: EpochMs;
  readonly finishedAt: EpochMs | null;
  readonly dryRun: boolean;
  readonly sealed: boolean;
  readonly outcome: Outcome | 'running' | 'crashed';
  /** Its rollback was incomplete, and a later recovery has left nothing. */
  readonly recoveredLater?: boolean;
}

/** Past runs as a table, in the order given. */
export function renderRuns(runs: readonly RunRow[], { color, width }: ViewStyle): string {
  const rows = runs.map((run): readonly Cell[] => [
    run.id,
    outcomeCell(run),
    run.experiment || '–',
    localTime(run.startedAt),
    run.finishedAt === null ? '–' : formatDuration(Math.max(0, run.finishedAt - run.startedAt)),
  ]);
  return renderTable(['Run', 'Verdict', 'Experiment', 'Started', 'Took'], rows, { paint: painter(color), width });
}

function outcomeCell({ outcome, dryRun, sealed, recoveredLater }: RunRow): Cell {
  const flags = [dryRun ? 'dry' : '', sealed ? 'sealed' : ''].filter(Boolean).join(', ');
  const suffix = flags ? ` (${flags})` : '';
  if (outcome === 'running') return { text: `… running${suffix}`, tone: 'fault' };
  if (outcome === 'crashed') return { text: `‼ crashed${suffix}`, tone: 'bad' };
  if (recoveredLater) return { text: `${outcome}, recovered later${suffix}`, tone: 'warn' };
  const { mark, tone } = outcomeWords[outcome];
  const tones: Readonly<Record<typeof tone, Tone>> = { good: 'good', bad: 'bad', alarm: 'bad', quiet: 'warn' };
  return { text: `${mark} ${outcome}${suffix}`, tone: tones[tone] };
}

/** `2026-11-20 14:12:07` in the machine's zone. */
function localTime(at: EpochMs): string {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return 'unknown';
  const two = (n: number) => String(n).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** One run: its verdict, then what happened, in order; readings in a row that agree are one line. */
export function renderRun(events: readonly JournalEvent[], { color, width }: ViewStyle): string {
  const paint = painter(color);
  const story = tellStory(events);
  const names = story.hypotheses.map(({ name }) => name);
  const lines = eventLines(story.timed, names).map(({ t, label, text, weight }) => {
    const tone: Tone = weight === 'good' ? 'good' : weight === 'bad' ? 'bad' : weight === 'quiet' ? 'soft' : 'plain';
    return `${paint('soft', offset(t).padStart(10))}  ${paint(tone, plain(label).padEnd(13))}  ${truncate(plain(text), Math.max(20, width - 27))}`;
  });
  return `${renderVerdict(events, { color, width })}\n\n${lines.join('\n')}`;
}
