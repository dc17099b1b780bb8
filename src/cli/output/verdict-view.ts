import { formatDuration } from '../../core/duration.ts';
import type { JournalEvent } from '../../core/events.ts';
import { eventsOf } from '../../core/timeline.ts';
import { slowDips } from '../../core/watched.ts';
import { goneText, wentWithTarget } from '../../report/injections.ts';
import { outcomeWords } from '../../report/outcome.ts';
import { count, openInjections, recoveryText, timeOr, toneOf, verdictSentence } from '../../report/phrases.ts';
import { formatShare, type HypothesisStory, type Story, tellStory } from '../../report/story.ts';
import { type Paint, painter, type Tone, type ViewStyle } from './style.ts';
import { type Cell, plain, renderTable, wrap } from './table.ts';

const tones: Readonly<Record<ReturnType<typeof toneOf>, Tone>> = {
  good: 'good',
  bad: 'bad',
  alarm: 'bad',
  quiet: 'warn',
};

/** The end of a run on the terminal: verdict, times, reasons, clean-up, reports, and what the exit code means. */
export function renderVerdict(
  events: readonly JournalEvent[],
  { color, width, reports = [] }: ViewStyle & { readonly reports?: readonly string[] },
): string {
  const story = tellStory(events);
  const paint = painter(color);
  const { word, mark, exit } = outcomeWords[story.ending];
  const flags = [
    story.start?.dryRun && story.ending !== 'dry-run' ? 'dry run' : null,
    story.start?.sealed ? 'sealed' : null,
    story.unverified && story.finish ? 'unverified' : null,
  ].filter((flag) => flag !== null);
  const reasons = story.ending === 'held' && !story.unverified ? [] : (story.finish?.reasons ?? []);
  const lines = [
    `${paint(tones[toneOf(story)], `${mark} ${word}`)}  ${paint('strong', plain(story.name))}${flags.length > 0 ? paint('fault', `  [${flags.join(', ')}]`) : ''}`,
    ...wrap(verdictSentence(story).replaceAll('`', ''), width - 2).map((line) => `  ${line}`),
    ...reasons.flatMap((reason) =>
      wrap(plain(reason), width - 6).map((line, index) => `  ${index === 0 ? '- ' : '  '}${line}`),
    ),
    ...hypotheses(story, paint, width),
    ...slowRecoveries(story, paint, width),
    ...cleanUp(story, paint),
    '',
    paint(
      'soft',
      `  Run ${plain(story.run)} · ${formatDuration(story.elapsed)}${story.plan && !story.sealed ? ` · seed ${story.plan.seed} · plan ${story.plan.hash.slice(0, 12)}` : ''}`,
    ),
    ...(story.start?.replay && !story.sealed ? [paint('soft', `  Replay: ${plain(story.start.replay)}`)] : []),
    ...reports.map((path) => `  Report: ${plain(path)}`),
    ...(exit === null ? [] : [paint('soft', `  Exit code ${exit}: ${exitMeaning[exit] ?? ''}`)]),
  ];
  return lines.join('\n');
}

const exitMeaning: Readonly<Record<number, string>> = {
  0: 'held',
  1: 'deviated',
  3: 'clean-up incomplete',
  4: 'skipped',
  5: 'refused by a guard',
};

function hypotheses(story: Story, paint: Paint, width: number): readonly string[] {
  if (!story.hypotheses.some(({ times }) => times !== null)) return [];
  const head = ['Hypothesis', 'Good under fault', 'First bad', 'Recovery'];
  const rows = story.hypotheses.map((hypothesis) => hypothesisRow(hypothesis, story.ending === 'unfinished'));
  return ['', renderTable(head, rows, { paint, width, indent: '  ' })];
}

function hypothesisRow(story: HypothesisStory, unknown: boolean): readonly Cell[] {
  const { name, times, hypothesis, judged } = story;
  const tone: Tone = judged === 'good' ? 'good' : judged === 'bad' ? 'bad' : 'plain';
  const mark = judged === 'good' ? '✔ ' : judged === 'bad' ? '✘ ' : '  ';
  if (!times) return [`${mark}${name}`, '–', '–', '–'];
  const { ok, all } = times.during;
  const share = all === 0 ? '–' : formatShare(ok / all);
  const needed = hypothesis?.during ? ` (≥ ${formatShare(hypothesis.during.atLeast)})` : '';
  const recovery = unknown ? 'not known' : recoveryText(story);
  const allowed = hypothesis ? ` (≤ ${formatDuration(hypothesis.recoversWithin)})` : '';
  return [
    { text: `${mark}${name}`, tone },
    `${share}${needed}`,
    timeOr(times.detect, 'never'),
    `${recovery}${allowed}`,
  ];
}

/** Told whatever the verdict: within the limit, and yet one is not like the others. */
function slowRecoveries({ plan, timed }: Story, paint: Paint, width: number): readonly string[] {
  const events = timed.map(({ event }) => event);
  const lines = plan ? slowDips(plan.experiment.spec, events) : [];
  return lines.flatMap((line) =>
    wrap(`far slower than the others: ${plain(line)}`, width - 4).map((text, i) =>
      paint('warn', i === 0 ? `  ⚠ ${text}` : `    ${text}`),
    ),
  );
}

function cleanUp(story: Story, paint: Paint): readonly string[] {
  const done = story.injections.filter(({ injectedAt }) => injectedAt !== null);
  if (story.injections.length === 0) {
    const would = eventsOf(story.timed, 'would-inject').map(
      ({ event: { fault, target } }) => `  ○ ${plain(`${fault} → ${target.name} (${target.id})`)}`,
    );
    return would.length === 0 ? [] : ['', ...would];
  }
  const open = openInjections(story);
  if (open.length > 0) {
    const list = open.map(({ fault, target }) => `    ${plain(`${fault} on ${target.name} (${target.id})`)}`);
    return [
      '',
      paint('bad', `  ‼ ${count(open.length, 'fault')} may still be in place; run: zashiki recover`),
      ...list,
    ];
  }
  const lasting = done.filter(({ reversible }) => reversible);
  const verified = lasting.filter((one) => one.state === 'verified' && !wentWithTarget(one)).length;
  const gone = goneText(lasting);
  const parts = [`${count(done.length, 'fault')} injected`];
  if (verified > 0 || (lasting.length > 0 && !gone)) parts.push(`${verified} of ${lasting.length} undone and verified`);
  if (gone) parts.push(gone);
  if (done.length > lasting.length) parts.push(`${done.length - lasting.length} one-shot`);
  return ['', `  ${parts.join(', ')}`];
}
