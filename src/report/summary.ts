import { formatDuration } from '../core/duration.ts';
import type { JournalEvent } from '../core/events.ts';
import { type Estimate, type HypothesisSummary, type Spread, summarize } from '../core/series.ts';
import { drawDots, type Marker } from './dots.ts';
import { clip } from './escape.ts';
import { type OutcomeWords, outcomeWords } from './outcome.ts';
import { html, icon, type Markup, page, raw, section, table } from './page.ts';
import { count, slowRunText, utc } from './phrases.ts';
import { type Story, tellStory } from './story.ts';

/** Several runs of one experiment (`--repeat`) on one page: how often it held, and how the recovery times spread. */
export function htmlSummary(runs: readonly (readonly JournalEvent[])[]): string {
  const stories = runs.map((events) => tellStory(events));
  const { recovery, hypotheses } = summarize(runs.map((events, index) => ({ id: stories[index]?.run ?? '', events })));
  const name = stories[0]?.name ?? 'no runs';
  const held = stories.filter(({ ending }) => ending === 'held').length;
  return page(`${count(stories.length, 'run')}: ${clip(name, 120)}`, [
    html`<header><p class="kicker">Zashiki chaos experiment, repeated</p><h1>${clip(name)}</h1></header>\n`,
    verdict(stories, held),
    tiles(stories, held, recovery),
    section('Recovery times', dots(recovery)),
    section('Runs', runTable(stories, hypotheses)),
    html`<footer>Made by Zashiki ${stories[0]?.start?.version ?? ''}. The bars around the quantiles are 95% bootstrap confidence intervals.</footer>`,
  ]);
}

const severity = ['rollback-incomplete', 'deviated', 'unfinished', 'refused', 'skipped', 'dry-run', 'held'] as const;

function verdict(stories: readonly Story[], held: number): Markup {
  const worst = severity.find((ending) => stories.some((story) => story.ending === ending)) ?? 'unfinished';
  const tone: OutcomeWords['tone'] = stories.length === 0 ? 'quiet' : outcomeWords[worst].tone;
  const word = held === stories.length && held > 0 ? `Held every time` : `Held ${held} of ${stories.length} times`;
  const sentence =
    stories.length === 0
      ? 'There are no runs.'
      : held === stories.length
        ? outcomeWords.held.sentence
        : `The worst: ${outcomeWords[worst].word}.`;
  return html`<div class="verdict ${tone}" role="status">${icon(tone)}<div><div class="word">${word}</div><p>${sentence}</p></div></div>\n`;
}

function tiles(stories: readonly Story[], held: number, recovery: Spread): Markup {
  const list: (readonly [string, string, string])[] = [
    ['Runs', String(stories.length), `${held} held`],
    ['Recovery p50', estimate(recovery, 'p50'), interval(recovery.p50)],
    ['Recovery p95', estimate(recovery, 'p95'), interval(recovery.p95)],
    ['Not recovered', String(recovery.never), `of ${recovery.values.length} measured`],
  ];
  return html`<dl class="tiles">${list.map(
    ([name, value, more]) =>
      html`<div class="tile"><dt>${name}</dt><dd class="n">${value}</dd><dd class="m">${more}</dd></div>`,
  )}</dl>\n`;
}

/** Quantiles beyond all that was measured are those of runs that did not recover. */
function estimate(spread: Spread, name: 'p50' | 'p95'): string {
  const { value } = spread[name];
  return spread.values.length === 0 ? 'not measured' : value === null ? 'not recovered' : formatDuration(value);
}

function interval({ low, high }: Estimate): string {
  if (low === null && high === null) return 'too few runs for an interval';
  return `95% interval ${low === null ? 'from not recovered' : formatDuration(low)} to ${high === null ? 'not recovered' : formatDuration(high)}`;
}

const judged = (story: Story) => story.ending === 'held' || story.ending === 'deviated';

function dots({ values, never, p50, p95 }: Spread): Markup | null {
  const times = values.filter((value) => value !== null);
  if (times.length === 0) return html`<p>No run has a recovery time.</p>`;
  const top = Math.max(...times);
  const markers = [p50, p95].flatMap(({ value, low, high }, index): Marker[] =>
    value === null ? [] : [{ name: index === 0 ? 'p50' : 'p95', value, low: low ?? value, high: high ?? top }],
  );
  const draw = (width: number) => raw(drawDots(times, { markers, lost: never, width }));
  return html`<div class="wide">${draw(1000)}</div><div class="slim">${draw(420)}</div>`;
}

function runTable(stories: readonly Story[], hypotheses: readonly HypothesisSummary[]): Markup {
  const slowOf = (run: string) =>
    hypotheses.flatMap(({ name, farSlower }) =>
      farSlower.filter((each) => each.run === run).map((each) => `${name} ${slowRunText(each)}`),
    );
  const rows = stories.slice(0, 1000).map((story) => {
    const { word, mark, tone } = outcomeWords[story.ending];
    const { recovery } = story.measurement;
    return [
      html`<code>${clip(story.run, 80)}</code><small>${story.startedAt === null ? '' : utc(story.startedAt)}</small>`,
      html`<span class="${tone === 'good' ? 'ok' : tone === 'quiet' ? '' : 'ko'}">${mark} ${word}</span>`,
      html`<span class="num">${!judged(story) ? '–' : recovery === null ? 'not recovered' : formatDuration(recovery)}</span>${slowOf(story.run).map((text) => html`<small class="ko">far slower: ${clip(text, 200)}</small>`)}`,
      html`<span class="num">${story.sealed ? 'sealed' : (story.plan?.seed ?? '')}</span>`,
      html`${clip(story.injections.map(({ fault, target }) => `${fault} → ${target.name}`).join(', '), 200)}`,
    ];
  });
  return table(['Run', 'Verdict', 'Recovery', 'Seed', 'What was hit'], rows);
}
