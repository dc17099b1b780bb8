import fc from 'fast-check';
import { mean as average } from 'simple-statistics';
import { describe, expect, test } from 'vitest';
import type { EpochMs, Window } from '../model.ts';
import { seededRng } from '../rng.ts';
import { inWindow, nextClosing } from '../window.ts';
import { afterOpenTime, drawBetween, drawByMean, drawSlots, openShare, slotsFor } from './chance.ts';
import type { ScheduleSpec, Timing } from './model.ts';
import { anchorReason, nextFire, pastDue } from './next.ts';
import {
  advance,
  compact,
  emptyState,
  lineOf,
  replay,
  type ScheduleEntry,
  type ScheduleState,
  timingOf,
} from './state.ts';

const [second, minute, hour, day] = [1000, 60_000, 3_600_000, 86_400_000];
const at = (iso: string) => Date.parse(iso);
const iso = (time: EpochMs | null) => (time === null ? 'never' : new Date(time).toISOString().replace('.000Z', 'Z'));
const office: Window = { days: [1, 2, 3, 4, 5], from: 660, to: 1080, timezone: 'Asia/Tokyo', holidays: [] };
const rng = () => seededRng(7);

function spec(schedule: Timing, more: Partial<ScheduleSpec> = {}): ScheduleSpec {
  return {
    schedule,
    concurrencyPolicy: 'Forbid',
    missedRuns: 'skip',
    historyLimit: 10,
    suspend: false,
    sealed: false,
    experiment: { steadyStateHypothesis: [], method: [], rollbacks: [], guards: {}, stopWhen: [] },
    ...more,
  };
}
const anchored = (of: ScheduleSpec, when: EpochMs): ScheduleState =>
  advance(emptyState, { type: 'anchored', at: when, timing: timingOf(of) });
const fired = (state: ScheduleState, due: EpochMs): ScheduleState =>
  advance(state, { type: 'fired', at: due, group: '', due, run: `r${due}` });
const nextOf = (of: ScheduleSpec, state: ScheduleState, now: EpochMs) =>
  nextFire(of, state, lineOf(state, ''), rng, now);

describe('a fixed rhythm', () => {
  const every = spec({ every: 10 * minute });
  const start = at('2026-11-20T12:03:00.250Z');

  test('counts from its anchor, whatever time the process was started', () => {
    let state = anchored(every, start);
    expect(iso(nextOf(every, state, start).due)).toBe('2026-11-20T12:13:00.250Z');
    state = fired(state, start + 10 * minute);
    for (const now of [start + 10 * minute, start + 14 * minute, start + 19 * minute]) {
      expect(iso(nextOf(every, state, now).due)).toBe('2026-11-20T12:23:00.250Z');
    }
  });

  test('@every is the same', () => {
    const cron = spec({ cron: '@every 10m' });
    expect(nextOf(cron, anchored(cron, start), start).due).toBe(start + 10 * minute);
  });

  test('starts anew on a first start, a change, a suspension, and a clock that was set back', () => {
    const state = anchored(every, start);
    expect(anchorReason(every, emptyState, start)).toBe('first start');
    expect(anchorReason(every, state, start)).toBeNull();
    expect(anchorReason(every, state, start + day)).toBeNull();
    expect(anchorReason(spec({ every: minute }), state, start)).toBe('the timing was changed');
    expect(anchorReason(every, advance(state, { type: 'suspended', at: start }), start)).toBe('no longer suspended');
    expect(anchorReason(every, fired(state, start + hour), start + hour - 4 * second)).toBeNull();
    expect(anchorReason(every, fired(state, start + hour), start + 5 * minute)).toBe('the clock was set back');
  });

  test('a calendar bears a clock set back by less than three hours', () => {
    const cron = spec({ cron: '0 * * * *' });
    const state = fired(anchored(cron, start), start + hour);
    expect(anchorReason(cron, state, start - hour)).toBeNull();
    expect(anchorReason(cron, state, start - 3 * hour)).toBe('the clock was set back');
  });
});

describe('a window', () => {
  test('passes over due times outside of it, and says so', () => {
    const daily = spec({ cron: '0 */6 * * *' }, { window: office, timezone: 'Asia/Tokyo' });
    const next = nextOf(daily, anchored(daily, 0), 0);
    const friday = fired(anchored(daily, 0), at('2026-11-20T03:00:00Z')); // 12:00 there
    expect(inWindow(office, next.due ?? 0)).toBe(true);
    expect(nextOf(daily, friday, at('2026-11-20T04:00:00Z'))).toEqual({
      due: at('2026-11-20T09:00:00Z'), // 18:00, the last minute
      drawn: false,
      outside: null,
    });
    const later = fired(friday, at('2026-11-20T09:00:00Z'));
    expect(nextOf(daily, later, at('2026-11-20T10:00:00Z'))).toEqual({
      due: at('2026-11-23T03:00:00Z'),
      drawn: false,
      outside: {
        due: at('2026-11-20T15:00:00Z'),
        reason: 'outside the window: Sat 00:00 in Asia/Tokyo, allowed Mon-Fri 11:00-18:00',
      },
    });
  });

  test('without a zone of its own is read in the zone of the schedule', () => {
    const { timezone: _, ...local } = office;
    const daily = spec({ cron: '0 12 * * *' }, { window: local, timezone: 'America/New_York' });
    const due = nextOf(daily, anchored(daily, at('2026-11-20T00:00:00Z')), at('2026-11-20T00:00:00Z')).due;
    expect(iso(due)).toBe('2026-11-20T17:00:00Z');
  });

  test('that a calendar never meets means never', () => {
    const never = spec({ cron: '0 20 * * *' }, { window: office, timezone: 'Asia/Tokyo' });
    const { due, outside } = nextOf(never, anchored(never, 0), 0);
    expect(due).toBeNull();
    expect(outside?.reason).toContain('20:00 in Asia/Tokyo');
  });
});

describe('by lot', () => {
  test('both ends of a random interval are possible, and all between equally likely', () => {
    const draw = seededRng(7);
    const counts = new Map<number, number>();
    for (let i = 0; i < 6000; i += 1) {
      const wait = drawBetween(draw, 10 * second, 15 * second);
      counts.set(wait, (counts.get(wait) ?? 0) + 1);
    }
    expect([...counts.keys()].sort((a, b) => a - b)).toEqual([10, 11, 12, 13, 14, 15].map((n) => n * second));
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(150); // five sigma
  });

  test('min ≤ wait ≤ max, and min = max is allowed', () => {
    fc.assert(
      fc.property(fc.nat(100 * day), fc.nat(100 * day), fc.nat(), (a, b, seed) => {
        const wait = drawBetween(seededRng(seed), Math.min(a, b), Math.max(a, b));
        expect(wait).toBeGreaterThanOrEqual(Math.min(a, b));
        expect(wait).toBeLessThanOrEqual(Math.max(a, b));
      }),
    );
  });

  test('a drawn time stands until it is decided', () => {
    const random = spec({ random: { min: hour, max: 6 * hour } });
    const start = at('2026-11-20T12:00:00Z');
    const state = anchored(random, start);
    const first = nextOf(random, state, start);
    expect(first.drawn).toBe(true);
    const planned = advance(state, { type: 'planned', at: start, group: '', next: first.due ?? 0, draw: 1 });
    for (const now of [start, start + minute, start + 2 * day]) {
      expect(nextOf(random, planned, now)).toEqual({ due: first.due, drawn: false, outside: null });
    }
    expect(nextOf(random, fired(planned, first.due ?? 0), (first.due ?? 0) + 1).drawn).toBe(true);
    // The clock is set back by a day: waiting for it would take longer than max.
    expect(nextOf(random, planned, start - day).drawn).toBe(true);
  });

  test('the number of slots is geometric: mean 1/p, no memory', () => {
    const draw = seededRng(7);
    const slots = Array.from({ length: 10_000 }, () => drawSlots(draw, 0.01));
    expect(Math.min(...slots)).toBe(1);
    // The standard error of the mean is about 1.
    expect(Math.abs(average(slots) - 100)).toBeLessThan(4);
    const beyond = (n: number) => slots.filter((slot) => slot > n).length;
    expect(Math.abs(beyond(100) / 10_000 - 0.99 ** 100)).toBeLessThan(0.02);
    expect(Math.abs(beyond(150) / beyond(50) - 0.99 ** 100)).toBeLessThan(0.03);
    expect(drawSlots(draw, 1)).toBe(1);
  });

  test.each([2 * second, 10 * minute, 2 * day, 30 * day])(
    'the mean distance of %d ms holds over 10,000 draws',
    (span) => {
      const draw = seededRng(7);
      const waits = Array.from({ length: 10_000 }, () => (drawByMean(draw, span, undefined, 0) ?? 0) / span);
      expect(Math.abs(average(waits) - 1)).toBeLessThan(0.04);
      const { slot, p } = slotsFor(span);
      expect(slot).toBeLessThanOrEqual(minute);
      expect(slot / p).toBeCloseTo(span);
    },
  );

  test('inside of a window every run is in it, and the mean is that of the calendar', () => {
    const draw = seededRng(7);
    const start = at('2026-01-05T00:00:00Z');
    let now = start;
    const runs = 600;
    for (let i = 0; i < runs; i += 1) {
      now = drawByMean(draw, 2 * day, office, now) ?? Number.NaN;
      expect(inWindow(office, now)).toBe(true);
    }
    // The standard error is 1/√600 = 4 %.
    expect(Math.abs((now - start) / runs / (2 * day) - 1)).toBeLessThan(0.12);
    expect(openShare(office)).toBeCloseTo((5 / 7) * (421 / 1440));
  }, 60_000);

  test('a window that never opens has no next run', () => {
    expect(drawByMean(rng(), day, { ...office, days: [] }, 0)).toBeNull();
  });

  test('open time is counted over closings', () => {
    const friday = at('2026-11-20T08:30:00Z'); // 17:30 there, 31 minutes are left
    expect(iso(afterOpenTime(office, friday, 10 * minute))).toBe('2026-11-20T08:40:00Z');
    expect(iso(afterOpenTime(office, friday, 41 * minute))).toBe('2026-11-23T02:10:00Z');
    expect(iso(nextClosing(office, friday))).toBe('2026-11-20T09:01:00Z');
  });
});

describe('past due', () => {
  const starts = at('2026-11-20T12:00:00Z');

  test('is what a walk over the whole time finds', () => {
    const timing = fc.constantFrom<Timing>(
      { every: 7 * minute },
      { cron: '*/5 9-17 * * *' },
      { cron: '0 3 * * 1' },
      { cron: '@every 90s' },
    );
    const windows = fc.constantFrom(undefined, office);
    fc.assert(
      fc.property(timing, windows, fc.nat(20 * day), fc.integer({ min: 1, max: 40 }), (given, window, span, keep) => {
        const of = spec(given, { window, timezone: 'UTC' });
        const state = anchored(of, starts);
        const all: EpochMs[] = [];
        let next = nextFire(of, state, lineOf(state, ''), rng, starts).due;
        while (next !== null && next <= starts + span) {
          all.push(next);
          next = nextFire(of, state, { cursor: next, planned: null, draws: 0 }, rng, starts).due;
        }
        const past = pastDue(of, state, lineOf(state, ''), starts + span, keep);
        expect(past.dues).toEqual(all.slice(-keep));
        expect(past.more).toBe(all.length > keep);
      }),
      { numRuns: 20, seed: 7 },
    );
  }, 60_000);

  test('a year of seconds takes no time', () => {
    const busy = spec({ cron: '* * * * * *' }, { timezone: 'UTC' });
    const past = pastDue(
      busy,
      anchored(busy, starts),
      { cursor: starts, planned: null, draws: 0 },
      starts + 365 * day,
      100,
    );
    expect(past.dues.length).toBe(100);
    expect(past.dues.at(-1)).toBe(starts + 365 * day);
    expect(past.more).toBe(true);
  });
});

describe('state', () => {
  const entry = fc.oneof(
    fc.record({ type: fc.constant('anchored' as const), at: fc.nat(99), timing: fc.constantFrom('a', 'b') }),
    fc.record({
      type: fc.constant('planned' as const),
      at: fc.nat(99),
      group: fc.constantFrom('', 'g'),
      next: fc.nat(99),
      draw: fc.nat(9),
    }),
    fc.record({
      type: fc.constant('fired' as const),
      at: fc.nat(99),
      group: fc.constantFrom('', 'g'),
      due: fc.nat(99),
      run: fc.uuid(),
    }),
    fc.record({
      type: fc.constant('missed' as const),
      at: fc.nat(99),
      group: fc.constantFrom('', 'g'),
      due: fc.nat(99),
      count: fc.nat(3),
      reason: fc.constant('r'),
    }),
    fc.record({ type: fc.constant('suspended' as const), at: fc.nat(99) }),
  );

  test('compacted entries lead to the same state', () => {
    fc.assert(
      fc.property(fc.array(entry), fc.nat(5), (some, ends) => {
        const entries: ScheduleEntry[] = [{ type: 'anchored', at: 1, timing: 'a' }, ...some];
        for (const { run } of replay(entries).open.slice(0, ends))
          entries.push({ type: 'finished', at: 100, run, outcome: 'held' });
        const short = compact(entries);
        expect(replay(short)).toEqual(replay(entries));
        expect(compact(short).length).toBe(short.length);
      }),
    );
    expect(compact([])).toEqual([]);
  });
});
