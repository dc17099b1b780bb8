import { appendFileSync, existsSync, mkdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { EventBody, ProcessIdentity } from '../core/events.ts';
import type { Clock } from '../core/ports.ts';
import { startedBy } from './fixtures/catalogue.ts';
import { temporaryFolder } from './fixtures/fixtures.ts';
import { history, removeRun } from './history.ts';
import { ownIdentity } from './identity.ts';
import { createJournal } from './journal.ts';
import { runFolder } from './state.ts';

let state = '';
let remove = () => {};
beforeEach(() => {
  ({ folder: state, remove } = temporaryFolder());
});
afterEach(() => remove());

const [second, day] = [1000, 86_400_000];
const kept = () => join(state, 'history.jsonl');

/** A clock of both kinds, which is set by hand. */
function clockAt(now = Date.now()): Clock & { wall: number; up: number } {
  const clock = { wall: now, up: 5000, now: () => clock.wall, mono: () => clock.up, sleep: async () => {} };
  return clock;
}

function ran(run: string, clock: Clock, injections: number, runner: ProcessIdentity = ownIdentity(), dryRun = false) {
  const journal = createJournal({ state, run, clock });
  journal.append({ ...startedBy(runner, { name: 'shop', dryRun }), run } as EventBody);
  for (let n = 1; n <= injections; n++) journal.append({ type: 'injected', injection: `i${n}`, took: 1 });
  journal.close();
}

const injected = (span: number, clock: Clock) =>
  history(state, span, clock).filter(({ type, experiment }) => type === 'injected' && experiment === 'shop').length;

test('what a removed run has injected still counts, for as long as it would have', () => {
  const clock = clockAt();
  ran('a', clock, 2);
  ran('b', clock, 1);
  const all = () =>
    history(state, day, clock)
      .map(({ run, type, at }) => `${run} ${type} ${at}`)
      .toSorted();
  const before = all();
  removeRun(state, 'a', clock);
  removeRun(state, 'b', clock);
  expect([existsSync(runFolder(state, 'a')), existsSync(runFolder(state, 'b'))]).toEqual([false, false]);
  expect(all()).toEqual(before);
  expect(injected(day, clock)).toBe(3);
  clock.wall += day + second;
  clock.up += day + second;
  expect(injected(day, clock)).toBe(0);
  expect(injected(2 * day, clock)).toBe(3);
});

test('setting the wall clock opens no guard, also not for removed runs', () => {
  const clock = clockAt();
  ran('a', clock, 1);
  removeRun(state, 'a', clock);
  clock.wall += 20 * 3_600_000;
  clock.up += second;
  expect(injected(3600 * second, clock)).toBe(1);
});

test('dry runs leave nothing; a run that is not there is no error', () => {
  const clock = clockAt();
  ran('a', clock, 1, ownIdentity(), true);
  removeRun(state, 'a', clock);
  removeRun(state, 'a', clock);
  expect(history(state, day, clock)).toEqual([]);
});

test('a crash between keeping and removing counts nothing twice, also after a torn line', () => {
  const clock = clockAt();
  ran('a', clock, 1);
  const journal = readFileSync(join(runFolder(state, 'a'), 'journal.jsonl'));
  removeRun(state, 'a', clock);
  appendFileSync(kept(), '{"type":"injected","run":"z"');
  ran('a', clock, 0);
  writeFileSync(join(runFolder(state, 'a'), 'journal.jsonl'), journal);
  expect(injected(day, clock)).toBe(1);
  removeRun(state, 'a', clock);
  expect(injected(day, clock)).toBe(1);
  ran('b', clock, 1);
  removeRun(state, 'b', clock);
  expect(injected(day, clock)).toBe(2);
});

test('what cannot be kept is not removed', () => {
  const clock = clockAt();
  ran('a', clock, 1);
  mkdirSync(kept());
  expect(() => removeRun(state, 'a', clock)).toThrow(/cannot write the history/);
  expect(existsSync(runFolder(state, 'a'))).toBe(true);
});

test('a long file loses what is older than 400 days', () => {
  const clock = clockAt();
  const old = { type: 'injected', run: 'old', experiment: 'shop', mono: 0, bootId: 'x', at: clock.now() - 401 * day };
  const lines = Array.from({ length: 20_000 }, (_, seq) => `${JSON.stringify({ ...old, seq })}\n`);
  writeFileSync(kept(), lines.join(''));
  ran('a', clock, 2);
  removeRun(state, 'a', clock);
  expect(statSync(kept()).size).toBeLessThan(2000);
  expect(injected(500 * day, clock)).toBe(2);
});

test('an old file is not even read', () => {
  const clock = clockAt();
  ran('a', clock, 1, { ...ownIdentity(), bootId: 'another' });
  removeRun(state, 'a', clock);
  const past = new Date(clock.now() - 3 * day);
  utimesSync(kept(), past, past);
  expect(history(state, day, clock)).toEqual([]);
  expect(injected(3 * day, clock)).toBe(1);
});
