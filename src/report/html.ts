import { formatDuration } from '../core/duration.ts';
import type { JournalEvent } from '../core/events.ts';
import { dipTable } from './dips.ts';
import { clip } from './escape.ts';
import { eventLines } from './event-lines.ts';
import { hypothesisTable, injectionTable, tiles, troubles } from './html-parts.ts';
import { outcomeWords } from './outcome.ts';
import { html, icon, type Markup, page, raw, section } from './page.ts';
import { toneOf, utc, verdictSentence } from './phrases.ts';
import { drawPicture } from './picture.ts';
import { type Story, tellStory } from './story.ts';

/** Most lines of the event list; the rest is counted. Keeps the file well under 2 MB. */
const mostLines = 2000;

/**
 * One self-contained HTML file about one run: no script, no request, light and dark, fit for paper. Takes any journal,
 * whole or torn. A sealed run that has not finished does not show what is hit.
 */
export function htmlReport(events: readonly JournalEvent[]): string {
  const story = tellStory(events);
  const { word } = outcomeWords[story.ending];
  return page(`${word}: ${clip(story.name, 120)}`, [
    header(story),
    verdict(story),
    tiles(story),
    section('What happened', picture(story)),
    section('Hypotheses', hypothesisTable(story)),
    section('Dips and recoveries', dipTable(story)),
    section(story.start?.dryRun ? 'What would be done to what' : 'What was done to what', injectionTable(story)),
    section('Refusals, warnings and rollbacks', troubles(story)),
    section('Run it again', replay(story)),
    allEvents(story),
    html`<footer>Made by Zashiki ${story.start?.version ?? ''} from ${events.length} journal events. Times are measured on the monotonic clock and counted from the start of the run.</footer>`,
  ]);
}

function header(story: Story): Markup {
  const { start } = story;
  const description = story.plan?.experiment.spec.description;
  const facts: readonly (readonly [string, Markup])[] = [
    [
      'When',
      html`<time datetime="${isoOf(story)}">${story.startedAt === null ? 'unknown' : utc(story.startedAt)}</time>`,
    ],
    ['For', html`${formatDuration(story.elapsed)}`],
    ['Where', html`${clip(start?.host ?? 'unknown host', 120)}`],
    ['By', html`${clip(start?.author.user ?? 'unknown', 120)}`],
    ['Run', html`<code>${clip(story.run, 120)}</code>`],
  ];
  return html`<header><p class="kicker">Zashiki chaos experiment</p><h1>${clip(story.name)}</h1>${
    description ? html`<p class="about">${clip(description, 1000)}</p>` : ''
  }<dl class="facts">${facts.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl></header>\n`;
}

function isoOf(story: Story): string {
  const date = new Date(story.startedAt ?? Number.NaN);
  return Number.isNaN(date.getTime()) ? '' : date.toISOString();
}

function verdict(story: Story): Markup {
  const { word } = outcomeWords[story.ending];
  const tone = toneOf(story);
  const badges = [
    story.start?.dryRun && story.ending !== 'dry-run' ? 'dry run' : null,
    story.start?.sealed ? (story.sealed ? 'sealed: targets are hidden' : 'sealed drill') : null,
    story.unverified && story.ending !== 'refused' ? 'unverified' : null,
  ].flatMap((badge) => (badge ? [html`<span class="badge">${badge}</span>`] : []));
  const reasons = story.finish?.reasons ?? [];
  const shown = story.ending === 'held' || story.ending === 'dry-run' ? [] : reasons.slice(0, 4);
  return html`<div class="verdict ${tone}" role="status">${icon(tone)}<div><div class="word">${word}${badges}</div><p>${ticks(verdictSentence(story))}</p>${shown.map(
    (reason) => html`<p>${clip(reason)}</p>`,
  )}</div></div>\n`;
}

/** Text in which a command stands between backticks. */
function ticks(text: string): Markup {
  return html`${text.split('`').map((part, index) => (index % 2 === 1 ? html`<code>${part}</code>` : html`${part}`))}`;
}

function picture(story: Story): Markup | null {
  if (story.injections.length === 0 && story.hypotheses.every(({ samples }) => samples.length === 0)) return null;
  return html`<div class="wide">${raw(drawPicture(story, { width: 1000 }))}</div><div class="slim">${raw(drawPicture(story, { width: 420 }))}</div>`;
}

function replay(story: Story): Markup | null {
  const { start, plan } = story;
  if (!start || !plan) return null;
  const facts: readonly (readonly [string, string])[] = [
    ['Seed', story.sealed ? 'sealed' : String(plan.seed)],
    ['Plan', plan.hash],
    ['Zashiki', start.version],
    ['Runner', `pid ${start.runner.pid}, started ${start.runner.startTime || 'unknown'}, boot ${start.runner.bootId}`],
  ];
  return html`<p>The same document, seed and inventory give the same plan, to the byte.</p><pre>${clip(start.replay, 2000)}</pre><dl class="facts">${facts.map(
    ([name, value]) => html`<div><dt>${name}</dt><dd><code>${clip(value)}</code></dd></div>`,
  )}</dl>`;
}

function allEvents(story: Story): Markup {
  const lines = eventLines(
    story.timed,
    story.hypotheses.map(({ name }) => name),
  );
  const rows = lines.slice(0, mostLines).map(({ t, label, text, weight }) => {
    const tone = weight === 'good' ? 'ok' : weight === 'bad' ? 'ko' : '';
    return html`<tr><td class="num">${(t / 1000).toFixed(3)}</td><td class="num ${tone}">${label}</td><td>${clip(text, 240)}</td></tr>\n`;
  });
  const more = lines.length - rows.length;
  const note = more > 0 ? html`<p>${more} more lines are in the journal.</p>` : '';
  return html`<section aria-label="All events"><details><summary>All ${story.timed.length} events, in order</summary><div class="scroll"><table><thead><tr><th scope="col">Seconds</th><th scope="col">Event</th><th scope="col">What</th></tr></thead><tbody>${rows}</tbody></table></div>${note}</details></section>\n`;
}
