import { expect, test } from 'vitest';
import { renderSeries } from '../cli/output/series-view.ts';
import { renderVerdict } from '../cli/output/verdict-view.ts';
import { htmlReport } from './html.ts';
import { runReport } from './json.ts';
import { markdownReport } from './markdown.ts';
import * as scenarios from './scenarios.ts';
import { htmlSummary } from './summary.ts';

const style = { color: false, width: 100 };
const slow = /far slower: took [34](\.\d)? s to recover, \d\.\d times as long as the others \(\d{3} ms\)/;

test('CM-30 three kills: each dip with its depth and recovery, and the slow one told in every report', () => {
  const events = scenarios.threeKills([500, 600, 4000]);
  const [hypothesis] = runReport(events).hypotheses;
  expect(hypothesis?.dips).toMatchObject([
    { injection: 'i1', worst: 900, farSlower: null },
    { injection: 'i2', worst: 900, farSlower: null },
    { injection: 'i3', worst: 900, farSlower: { othersMs: expect.any(Number) } },
  ]);
  const [first = 0, , third = 0] = hypothesis?.dips.map(({ recoveryMs }) => recoveryMs ?? 0) ?? [];
  expect(third).toBeGreaterThan(3 * first);
  expect(htmlReport(events)).toMatch(slow);
  const rows = markdownReport(events)
    .split('\n')
    .filter((line) => line.startsWith('| the shop answers, '));
  expect(rows).toHaveLength(3);
  expect(rows.map((row) => slow.test(row))).toEqual([false, false, true]);
  expect(rows[2]).toMatch(/process-kill → shop-worker-3 .*900 ms \(usually 1\d(\.\d+)? ms\)/);
  expect(renderVerdict(events, style)).toMatch(/⚠ far slower than the others: the shop answers: dip 3 of 3 took [34]/);
  // Within the limit all the same: what is odd is told, and does not change the verdict.
  expect(runReport(events).verdict.outcome).toBe('held');
});

test('CM-30 three kills with like recoveries: nothing is flagged', () => {
  const events = scenarios.threeKills([500, 600, 700]);
  expect(runReport(events).hypotheses[0]?.dips).toHaveLength(3);
  for (const text of [htmlReport(events), markdownReport(events), renderVerdict(events, style)]) {
    expect(text).not.toContain('far slower');
  }
});

test('a run that watches what others do has a verdict of its own, by its dips', () => {
  const events = scenarios.threeKills([500, 600, 4000], false);
  const { verdict, hypotheses } = runReport(events);
  expect(hypotheses[0]).toMatchObject({ judged: 'bad', dips: [{ injection: null }, { injection: null }, {}] });
  expect(verdict).toMatchObject({
    outcome: 'deviated',
    reasons: [
      expect.stringMatching(/7\d\.\d% good while it was watched, at least 80% wanted/),
      expect.stringMatching(/dip 3 of 3/),
    ],
  });
  expect(htmlReport(events)).toMatch(slow);
  expect(markdownReport(events)).toContain('none of ours');
});

test('CM-30 of several runs, the one that recovered far slower', () => {
  const run = (i: number, heal: number) => scenarios.held(100 + i, heal, `run-${i}`);
  const runs = [run(1, 0), run(2, 70), run(3, 12_000)];
  expect(htmlSummary(runs)).toMatch(/far slower: the shop answers took 13\.\d s to recover/);
  expect(renderSeries(runs)).toMatch(
    /⚠ the shop answers: run run-3 took 13\.\d s to recover, \d+\.\d times as long as/,
  );
  const alike = [run(1, 0), run(2, 70), run(3, 140)];
  expect(htmlSummary(alike)).not.toContain('far slower');
  expect(renderSeries(alike)).not.toContain('⚠');
});
