import { formatDuration } from '../core/duration.ts';
import type { JournalEvent } from '../core/events.ts';
import { eventsOf } from '../core/timeline.ts';
import { dipLines } from './dips.ts';
import { clip, codeSpan, escapeMarkdown, readable } from './escape.ts';
import { standing } from './injections.ts';
import { outcomeWords } from './outcome.ts';
import { offset, recoveryText, timeOr, utc, verdictSentence } from './phrases.ts';
import { columns } from './scale.ts';
import { formatShare, type HypothesisStory, type Story, tellStory } from './story.ts';

const bars = '▁▂▃▄▅▆▇█';
const mostRows = 50;

/** One run for a pull request: verdict, tables, a spark line of text; plain GitHub Markdown, under 60 kB. */
export function markdownReport(events: readonly JournalEvent[]): string {
  const story = tellStory(events);
  const { word, mark } = outcomeWords[story.ending];
  const flags = [
    story.start?.dryRun ? 'dry run' : null,
    story.start?.sealed ? (story.sealed ? 'sealed: targets are hidden' : 'sealed drill') : null,
    story.unverified ? 'unverified' : null,
  ].filter((flag) => flag !== null);
  const lines = [
    `## ${mark} ${word}: ${escapeMarkdown(clip(story.name, 160))}`,
    '',
    [verdictSentence(story), ...flags.map((flag) => `**${flag}**`)].join(' · '),
    '',
    ...(story.finish?.reasons ?? []).slice(0, mostRows).map((reason) => `- ${escapeMarkdown(clip(reason))}`),
    '',
    ...hypotheses(story),
    ...dipLines(story),
    ...injections(story),
    ...troubles(story),
    facts(story),
    '',
    ...replay(story),
  ];
  return `${lines
    .join('\n')
    .replace(/\n{3,}/g, '\n\n')
    .trimEnd()}\n`;
}

function hypotheses(story: Story): readonly string[] {
  if (story.hypotheses.length === 0) return [];
  const rows = story.hypotheses.slice(0, mostRows).map((hypothesis) => {
    const { times, judged } = hypothesis;
    const result = judged === 'good' ? '✔ held' : judged === 'bad' ? '✘ deviated' : 'not judged';
    const share = times && times.during.all > 0 ? formatShare(times.during.ok / times.during.all) : '–';
    const needed = hypothesis.hypothesis?.during ? ` (≥ ${formatShare(hypothesis.hypothesis.during.atLeast)})` : '';
    const recovery = times && story.ending !== 'unfinished' ? recoveryText(hypothesis) : '–';
    const allowed = hypothesis.hypothesis ? ` (≤ ${formatDuration(hypothesis.hypothesis.recoversWithin)})` : '';
    return row([
      escapeMarkdown(clip(hypothesis.name, 120)),
      result,
      `${share}${needed}`,
      times ? timeOr(times.detect, 'never') : '–',
      `${recovery}${allowed}`,
      codeSpan(sparkline(hypothesis, story.elapsed)),
    ]);
  });
  return [
    row(['Hypothesis', 'Result', 'Good under fault', 'First bad', 'Recovery', 'Readings over time']),
    row(['---', '---', '---', '---', '---', '---']),
    ...rows,
    '',
  ];
}

/** Readings over time as text: height is the value (or just good), `×` a stretch with a bad reading. */
export function sparkline(story: HypothesisStory, elapsed: number, width = 32): string {
  const cells = new Array<string>(width).fill(' ');
  const highest = story.samples.reduce((max, { number }) => Math.max(max, number ?? 0), 0);
  for (const { from, good, bad, high } of columns(story.samples, elapsed, width)) {
    const index = Math.min(width - 1, Math.round((from / Math.max(elapsed, 1)) * width));
    const level = high?.number && highest > 0 ? Math.round((high.number / highest) * (bars.length - 1)) : 0;
    cells[index] = bad > 0 ? '×' : good > 0 ? (bars[level] ?? '▁') : ' ';
  }
  return cells.join('').trimEnd();
}

function injections(story: Story): readonly string[] {
  const would = eventsOf(story.timed, 'would-inject');
  if (story.injections.length === 0 && would.length > 0) {
    const rows = would.slice(0, mostRows).map(({ event }) => row([codeSpan(event.fault), target(event.target)]));
    return [row(['Fault', 'Would hit']), row(['---', '---']), ...rows, ''];
  }
  if (story.injections.length === 0) return [];
  const rows = story.injections.slice(0, mostRows).map((injection) => {
    const { recovered, injectedAt, observed, params, note } = injection;
    const by = recovered ? `${offset(recovered.t)} by ${recovered.by.role}` : '–';
    return row([
      [
        codeSpan([clip(injection.fault, 60), readable(params, 100)].filter(Boolean).join(' ')),
        escapeMarkdown(note ?? ''),
      ]
        .filter(Boolean)
        .join(' '),
      target(injection.target),
      injectedAt === null ? '–' : offset(injectedAt),
      observed ? escapeMarkdown(clip(observed.detail, 120)) : '–',
      by,
      standing(injection),
    ]);
  });
  const more = story.injections.length - rows.length;
  return [
    row(['Fault', 'Target', 'Injected', 'Effect seen', 'Recovered', 'Clean-up']),
    row(['---', '---', '---', '---', '---', '---']),
    ...rows,
    ...(more > 0 ? ['', `…and ${more} more.`] : []),
    '',
  ];
}

function troubles(story: Story): readonly string[] {
  const lines = story.timed.flatMap(({ event }): string[] => {
    if (event.type === 'guard-refused')
      return [`- refused by ${escapeMarkdown(event.guard)}: ${escapeMarkdown(clip(event.reason))}`];
    if (event.type === 'warning') return [`- warning: ${escapeMarkdown(clip(event.message))}`];
    if (event.type === 'aborted') return [`- aborted by ${event.author.role}: ${escapeMarkdown(clip(event.reason))}`];
    if (event.type === 'rollback') {
      return [
        `- rollback ${event.index + 1} ${event.ok ? 'done' : '**failed**'}: ${escapeMarkdown(clip(event.detail))}`,
      ];
    }
    return [];
  });
  return lines.length === 0 ? [] : [...lines.slice(0, mostRows), ''];
}

function facts(story: Story): string {
  const { start, plan } = story;
  const when = story.startedAt === null ? 'unknown time' : utc(story.startedAt);
  const parts = [`Run ${codeSpan(clip(story.run, 80))}`, when, `took ${formatDuration(story.elapsed)}`];
  if (start) parts.push(`by ${escapeMarkdown(clip(start.author.user, 60))} on ${escapeMarkdown(clip(start.host, 80))}`);
  if (start && plan) {
    parts.push(
      story.sealed ? 'seed sealed' : `seed ${plan.seed}`,
      `plan ${codeSpan(plan.hash.slice(0, 12))}`,
      `Zashiki ${escapeMarkdown(clip(start.version, 20))}`,
    );
  }
  return parts.join(' · ');
}

function replay(story: Story): readonly string[] {
  return story.start ? ['Replay:', codeSpan(clip(story.start.replay, 500), false)] : [];
}

const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
const target = ({ name, id }: { readonly name: string; readonly id: string }) =>
  `${escapeMarkdown(clip(name, 80))} (${escapeMarkdown(clip(id, 80))})`;
