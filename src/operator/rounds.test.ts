import { describe, expect, test } from 'vitest';
import { seededRng } from '../core/rng.ts';
import type { Schedule } from '../core/schedule/model.ts';
import { type Kept, roundName, roundsOf } from './rounds.ts';

const created = Date.UTC(2026, 0, 1, 12, 0, 0);
const minute = 60_000;
const spec = (more: Partial<Schedule['spec']> = {}): Schedule['spec'] => ({
  schedule: { cron: '*/5 * * * *' },
  timezone: 'UTC',
  concurrencyPolicy: 'Forbid',
  missedRuns: 'once',
  historyLimit: 3,
  suspend: false,
  sealed: false,
  experiment: {} as never,
  ...more,
});
const ask = (now: number, more: Partial<Parameters<typeof roundsOf>[0]> = {}) =>
  roundsOf({
    spec: spec(),
    kept: undefined,
    createdAt: created,
    atOnce: false,
    isPaused: false,
    running: 0,
    rng: (draw) => seededRng(draw),
    now,
    ...more,
  });
/** As it comes back from the cluster. */
const stored = (kept: Kept): Kept => JSON.parse(JSON.stringify(kept));

describe('rounds', () => {
  test('nothing before it is due, and it says when', () => {
    expect(ask(created + minute)).toMatchObject({ begin: [], again: created + 5 * minute });
  });

  test('each due time begins once', () => {
    const first = ask(created + 5 * minute);
    expect(first.begin).toEqual([created + 5 * minute]);
    const again = ask(created + 5 * minute + 1, { kept: stored(first.kept) });
    expect(again).toMatchObject({ begin: [], again: created + 10 * minute });
  });

  test('what was due while nobody led is made up for once', () => {
    const kept = stored(ask(created).kept);
    const late = ask(created + 23 * minute, { kept });
    expect(late.begin).toEqual([created + 20 * minute]);
    expect(late.missed).toMatchObject([{ due: created + 15 * minute, count: 3 }]);
  });

  test('a deadline that has passed: missed, and the schedule goes on', () => {
    const kept = stored(ask(created).kept);
    const late = ask(created + 9 * minute, { kept, spec: spec({ startingDeadline: minute }) });
    expect(late.begin).toEqual([]);
    expect(late.missed).toMatchObject([{ due: created + 5 * minute, count: 1 }]);
    expect(late.again).toBe(created + 10 * minute);
  });

  test('ten thousand missed rounds do not kill it', () => {
    const kept = stored(ask(created, { spec: spec({ schedule: { cron: '* * * * *' } }) }).kept);
    const late = ask(created + 10_000 * minute, { kept, spec: spec({ schedule: { cron: '* * * * *' } }) });
    expect(late.begin).toHaveLength(1);
    expect(late.again).toBe(created + 10_001 * minute);
  });

  test('Forbid: the round is left out; Allow: it begins; Replace: the other one ends', () => {
    const kept = stored(ask(created).kept);
    const at = created + 5 * minute;
    expect(ask(at, { kept, running: 1 })).toMatchObject({ begin: [], missed: [{ forbidden: true }] });
    expect(ask(at, { kept, running: 1, spec: spec({ concurrencyPolicy: 'Allow' }) }).begin).toEqual([at]);
    expect(ask(at, { kept, running: 1, spec: spec({ concurrencyPolicy: 'Replace' }) })).toMatchObject({
      begin: [at],
      replace: true,
    });
  });

  test('paused: nothing begins, and what was due meanwhile is not made up for', () => {
    const kept = stored(ask(created).kept);
    const paused = ask(created + 6 * minute, { kept, isPaused: true });
    expect(paused).toMatchObject({ begin: [], again: undefined });
    const on = ask(created + 12 * minute, { kept: stored(paused.kept) });
    expect(on).toMatchObject({ begin: [], again: created + 15 * minute });
  });

  test('CM-07 the old @every: the first round begins at once', () => {
    const every = spec({ schedule: { cron: '@every 10m' } });
    const first = ask(created + 1000, { spec: every, atOnce: true });
    expect(first).toMatchObject({ begin: [created], again: created + 10 * minute });
    const next = ask(created + 10 * minute, { spec: every, atOnce: true, kept: stored(first.kept) });
    expect(next.begin).toEqual([created + 10 * minute]);
  });
});

test('names of rounds are stable, and differ between schedules of one name', () => {
  expect(roundName('uid-a', created)).toBe(roundName('uid-a', created));
  expect(roundName('uid-a', created)).not.toBe(roundName('uid-b', created));
  expect(roundName('uid-a', created)).toMatch(/^[a-z0-9]{5}$/);
});
