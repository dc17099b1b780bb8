import type { JournalEvent } from '../core/events.ts';
import { eventsOf } from '../core/timeline.ts';
import { clip, escapeXml } from './escape.ts';
import { outcomeWords } from './outcome.ts';
import { openInjections, outcomeNote } from './phrases.ts';
import { type HypothesisStory, type Story, tellStory } from './story.ts';
import { type Attributes, el } from './svg.ts';

interface Case {
  readonly name: string;
  readonly seconds: number;
  readonly result: 'passed' | 'failure' | 'skipped';
  readonly message: string;
  readonly text: string;
}

/**
 * One run as a JUnit test suite: a test case for each hypothesis, one for the clean-up, and one for the run itself
 * when it failed for a reason of its own. Control characters are removed. Several runs: `junitReports`.
 */
export function junitReport(events: readonly JournalEvent[]): string {
  return junitReports([events]);
}

/** Several runs, one test suite each, in one file. */
export function junitReports(runs: readonly (readonly JournalEvent[])[]): string {
  const suites = runs.map((events) => suite(tellStory(events)));
  return `<?xml version="1.0" encoding="UTF-8"?>\n${xml('testsuites', { name: 'zashiki' }, ...suites)}\n`;
}

function suite(story: Story): string {
  const cases = casesOf(story);
  const of = (result: Case['result']) => cases.filter((one) => one.result === result).length;
  const started = new Date(story.startedAt ?? Number.NaN);
  const properties: readonly (readonly [string, string])[] = [
    ['run', story.run],
    ['outcome', story.finish?.outcome ?? 'unfinished'],
    ['seed', story.sealed ? 'sealed' : String(story.plan?.seed ?? '')],
    ['plan', story.plan?.hash ?? ''],
    ['replay', story.start?.replay ?? ''],
    ['dryRun', String(story.start?.dryRun ?? false)],
    ['recoveryMs', String(story.measurement.recovery ?? '')],
  ];
  return xml(
    'testsuite',
    {
      name: story.name,
      tests: cases.length,
      failures: of('failure'),
      errors: 0,
      skipped: of('skipped'),
      time: (story.elapsed / 1000).toFixed(3),
      hostname: story.start?.host ?? 'unknown',
      ...(Number.isNaN(started.getTime()) ? {} : { timestamp: started.toISOString().slice(0, 19) }),
    },
    xml('properties', {}, ...properties.map(([name, value]) => xml('property', { name, value }))),
    ...cases.map((one) => testcase(story.name, one)),
  );
}

function testcase(className: string, one: Case): string {
  const about = { name: one.name, classname: className, time: one.seconds.toFixed(3) };
  if (one.result === 'passed') return xml('testcase', about);
  const type = one.result === 'failure' ? { type: 'deviated' } : {};
  return xml(
    'testcase',
    about,
    xml(one.result, { message: clip(one.message, 1000), ...type }, safe(clip(one.text, 8000))),
  );
}

function casesOf(story: Story): readonly Case[] {
  const cases = [...story.hypotheses.map((hypothesis) => hypothesisCase(hypothesis, story)), cleanUp(story)];
  const failed = cases.some((one) => one.result === 'failure');
  const must = story.ending === 'deviated' || story.ending === 'unfinished' || story.ending === 'rollback-incomplete';
  if (!must || failed) return cases;
  const reasons = story.finish?.reasons ?? [];
  const message = reasons[0] ?? outcomeWords[story.ending].sentence;
  return [
    ...cases,
    { name: 'the run', seconds: story.elapsed / 1000, result: 'failure', message, text: reasons.join('\n') },
  ];
}

function hypothesisCase(hypothesis: HypothesisStory, story: Story): Case {
  const base = { name: hypothesis.name, seconds: (hypothesis.times?.recovery ?? 0) / 1000 };
  if (hypothesis.judged === 'good') return { ...base, result: 'passed', message: '', text: '' };
  if (hypothesis.judged === 'bad') {
    return {
      ...base,
      result: 'failure',
      message: hypothesis.notes[0] ?? 'deviated',
      text: hypothesis.notes.join('\n'),
    };
  }
  const reasons = story.finish?.reasons ?? [];
  const why = story.ending === 'dry-run' ? 'dry run' : (reasons[0] ?? outcomeWords[story.ending].sentence);
  return {
    ...base,
    result: 'skipped',
    message: `${story.ending}: ${why}`,
    text: [outcomeNote(hypothesis), ...reasons].join('\n'),
  };
}

function cleanUp(story: Story): Case {
  const open = openInjections(story).map(({ fault, target, recoverError: why }) => {
    return `${fault} on ${target.name} (${target.id}) may still be in place${why ? `: ${why}` : ''}`;
  });
  const failed = eventsOf(story.timed, 'rollback')
    .filter(({ event }) => !event.ok)
    .map(({ event }) => `rollback ${event.index + 1} failed: ${event.detail}`);
  const notes = [...open, ...failed];
  if (notes.length === 0 && story.ending === 'rollback-incomplete')
    notes.push(...(story.finish?.reasons ?? []), 'clean-up is incomplete');
  const base = { name: 'clean-up', seconds: 0 };
  return notes.length === 0
    ? { ...base, result: 'passed', message: '', text: '' }
    : { ...base, result: 'failure', message: notes[0] ?? '', text: notes.join('\n') };
}

/** `el`, with what XML forbids removed instead of shown, and line breaks kept in attributes. */
function xml(name: string, attributes: Attributes, ...children: readonly string[]): string {
  const cleaned = Object.entries(attributes).map(([key, value]) => [
    key,
    typeof value === 'string' ? unmarked(value) : value,
  ]);
  return `${el(name, Object.fromEntries(cleaned), children.length > 0 ? '\n' : '', ...children)}\n`;
}

const safe = (text: string) => escapeXml(text, '');
/** Removes what `el` would replace by a sign, so that names in a test list stay as they are otherwise. */
const unmarked = (text: string) =>
  text.replace(/[\p{Cc}\p{Cs}\u200e\u200f\u202a-\u202e\u2066-\u2069\ufffe\uffff]/gu, ' ');
