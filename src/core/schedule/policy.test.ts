import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decideDue, decideOverlap, mostCaughtUp, toPrune } from './policy.ts';

const minute = 60_000;
const now = 1_000 * minute;
const ago = (...ms: number[]) => ({ dues: ms.map((n) => now - n), more: false });

describe('decideDue', () => {
  test('nothing is due', () => {
    for (const missedRuns of ['skip', 'once', 'all'] as const) {
      expect(decideDue(ago(), { missedRuns }, now)).toEqual({ fire: [], missed: [] });
    }
  });

  test('a run that is on time runs under every policy', () => {
    for (const missedRuns of ['skip', 'once', 'all'] as const) {
      expect(decideDue(ago(10), { missedRuns }, now)).toEqual({ fire: [now - 10], missed: [] });
    }
  });

  test('skip: late runs are missed, the deadline says what is late', () => {
    const late = ago(3 * minute, 2 * minute, 20_000);
    expect(decideDue(late, { missedRuns: 'skip' }, now)).toEqual({
      fire: [],
      missed: [{ due: now - 20_000, count: 3, reason: 'more than 10 s late' }],
    });
    expect(decideDue(late, { missedRuns: 'skip', startingDeadline: 150_000 }, now)).toEqual({
      fire: [now - 20_000],
      missed: [
        { due: now - 3 * minute, count: 1, reason: 'more than 2 m 30 s late' },
        { due: now - 2 * minute, count: 1, reason: 'a later run is due too (missedRuns: skip)' },
      ],
    });
  });

  test('once: the newest, however late, up to the deadline', () => {
    const late = ago(300 * minute, 200 * minute, 100 * minute);
    expect(decideDue(late, { missedRuns: 'once' }, now)).toEqual({
      fire: [now - 100 * minute],
      missed: [{ due: now - 200 * minute, count: 2, reason: 'a later run is due too (missedRuns: once)' }],
    });
    expect(decideDue(late, { missedRuns: 'once', startingDeadline: minute }, now)).toEqual({
      fire: [],
      missed: [{ due: now - 100 * minute, count: 3, reason: 'more than 1 m late' }],
    });
  });

  test('all: each, oldest first, a hundred at most', () => {
    expect(decideDue(ago(3 * minute, 2 * minute, 5), { missedRuns: 'all' }, now).fire).toEqual([
      now - 3 * minute,
      now - 2 * minute,
      now - 5,
    ]);
    const dues = Array.from({ length: 100 }, (_, i) => now - (100 - i) * minute);
    const decision = decideDue({ dues: [now - 101 * minute, ...dues], more: true }, { missedRuns: 'all' }, now);
    expect(decision.fire).toEqual(dues);
    expect(decision.missed).toEqual([
      { due: now - 101 * minute, count: 1, reason: `only the newest ${mostCaughtUp} are made up for (and older ones)` },
    ]);
  });

  test('every due time is decided once, in order', () => {
    const dues = fc.uniqueArray(fc.nat(now), { maxLength: 130 }).map((list) => list.sort((a, b) => a - b));
    const policy = fc.record(
      { missedRuns: fc.constantFrom('skip' as const, 'once' as const, 'all' as const), startingDeadline: fc.nat(now) },
      { requiredKeys: ['missedRuns'] },
    );
    fc.assert(
      fc.property(dues, policy, (list, given) => {
        const { fire, missed } = decideDue({ dues: list, more: false }, given, now);
        expect(fire.length + missed.reduce((sum, { count }) => sum + count, 0)).toBe(list.length);
        expect(fire).toEqual(list.slice(list.length - fire.length));
        expect(missed.map(({ due }) => due)).toEqual(missed.map(({ due }) => due).sort((a, b) => a - b));
        if (given.startingDeadline !== undefined)
          for (const due of fire) expect(now - due).toBeLessThanOrEqual(given.startingDeadline);
      }),
    );
  });
});

test('overlap', () => {
  expect(decideOverlap('Forbid', 0, false)).toBe('start');
  expect(decideOverlap('Forbid', 1, false)).toBe('miss');
  expect(decideOverlap('Forbid', 1, true)).toBe('wait');
  expect(decideOverlap('Allow', 5, true)).toBe('start');
  expect(decideOverlap('Replace', 1, false)).toBe('replace');
  expect(decideOverlap('Replace', 1, true)).toBe('wait');
});

test('the oldest runs beyond the limit are pruned', () => {
  expect(toPrune(['a', 'b', 'c'], 2)).toEqual(['a']);
  expect(toPrune(['a', 'b', 'c'], 0)).toEqual(['a', 'b', 'c']);
  expect(toPrune(['a'], 10)).toEqual([]);
});
