import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hour, house, iso, minute, schedule, second, start } from '../../test/fixtures/schedule-house.ts';
import { seededRng } from '../core/rng.ts';
import type { ScheduleSpec } from '../core/schedule/model.ts';

describe('over restarts', () => {
  test('a fixed rhythm is not shifted and does not fire twice', async () => {
    const h = house();
    const shop = schedule({ every: 10 * minute });
    let life = h.live(shop);
    await h.advance(25 * minute);
    await life.stop();
    await h.advance(3 * minute);
    life = h.live(shop);
    await h.advance(13 * minute);
    await life.stop();
    expect(h.dues()).toEqual(['12:10:00', '12:20:00', '12:30:00', '12:40:00']);
    expect(h.fired.every(({ at, due }) => at === due)).toBe(true);
    expect(h.told('missed')).toEqual([]);
    // The store knew of each run before it began.
    expect(h.entries().filter(({ type }) => type === 'fired').length).toBe(4);
  });

  test('a drawn time is kept: neither drawn anew nor run twice', async () => {
    const h = house();
    const shop = schedule({ random: { min: 20 * minute, max: 60 * minute } });
    for (let life = 0; life < 40; life += 1) {
      const daemon = h.live(shop);
      await h.advance(7 * minute);
      await daemon.stop();
    }
    const planned = h.entries().filter(({ type }) => type === 'planned');
    expect(h.fired.length).toBeGreaterThan(4);
    expect(planned.length).toBe(h.fired.length + 1);
    for (const [i, { due }] of h.fired.entries()) {
      const wait = due - (h.fired[i - 1]?.due ?? start);
      expect(wait).toBeGreaterThanOrEqual(20 * minute);
      expect(wait).toBeLessThanOrEqual(60 * minute);
    }
  });

  test('the same seed draws the same waits, another one does not', async () => {
    const waits = async (seed: number) => {
      const h = house();
      const rng = (purpose: string) => seededRng(seed, purpose);
      await h.advance(seed); // not to the millisecond at the same time
      const life = h.live(schedule({ random: { min: minute, max: hour } }), { rng });
      await h.advance(5 * hour);
      await life.stop();
      return h.told('planned').map(({ wait }) => wait);
    };
    expect(await waits(7)).toEqual(await waits(7));
    expect((await waits(7)).slice(0, 3)).not.toEqual((await waits(8)).slice(0, 3));
  });

  test('a run that was written down and never ended counts as fired, and is told', async () => {
    const h = house(() => new Promise(() => {}));
    const shop = schedule({ cron: '*/10 * * * *' }, { missedRuns: 'all' });
    h.live(shop).done.catch(() => {}); // this life is killed: it never hears of the end
    await h.advance(11 * minute);
    expect(h.dues()).toEqual(['12:10:00']);
    const next = house();
    for (const entry of h.entries()) next.store.append('shop', entry);
    await next.advance(12 * minute);
    const life = next.live(shop);
    await next.advance(10 * minute);
    await life.stop();
    expect(next.dues()).toEqual(['12:20:00']);
    expect(next.told('interrupted').map(({ due }) => iso(due))).toEqual(['12:10:00']);
    expect(next.entries()).toContainEqual(expect.objectContaining({ type: 'finished', outcome: 'interrupted' }));
  });

  test('suspended: nothing runs, and nothing is made up for afterwards', async () => {
    const h = house();
    const all = { missedRuns: 'all' } as const;
    await h.live(schedule({ every: minute }, { ...all, suspend: true })).done;
    await h.advance(hour);
    const life = h.live(schedule({ every: minute }, all));
    await h.advance(2 * minute + second);
    await life.stop();
    expect(h.dues()).toEqual(['13:01:00', '13:02:00']);
    expect(h.told('suspended').length).toBe(1);
  });

  test('a long history is shortened and nothing is forgotten', async () => {
    const h = house();
    const shop = schedule({ every: second }, { historyLimit: 3 });
    let life = h.live(shop);
    await h.advance(1500 * second);
    expect(h.entries().length).toBeLessThan(2_100);
    await life.stop();
    life = h.live(shop);
    await h.advance(500 * second);
    await life.stop();
    expect(h.fired.map(({ due }) => due)).toEqual(Array.from({ length: 2000 }, (_, i) => start + (i + 1) * second));
    const pruned = h.told('prune').flatMap(({ runs }) => runs);
    expect(pruned).toEqual(h.fired.slice(0, -3).map(({ run }) => run));
  });
});

describe('after downtime', () => {
  const down = async (missedRuns: ScheduleSpec['missedRuns'], more: Partial<ScheduleSpec> = {}) => {
    const h = house();
    const shop = schedule({ cron: '*/10 * * * *' }, { missedRuns, ...more });
    await h.live(shop).stop();
    await h.advance(55 * minute);
    const life = h.live(shop);
    await h.advance(10 * minute);
    await life.stop();
    return h;
  };

  test('skip', async () => {
    const h = await down('skip');
    expect(h.dues()).toEqual(['13:00:00']);
    expect(h.told('missed').map(({ due, count }) => [iso(due), count])).toEqual([['12:50:00', 5]]);
  });

  test('once', async () => {
    const h = await down('once');
    expect(h.fired.map(({ due, at }) => [iso(due), iso(at)])).toEqual([
      ['12:50:00', '12:55:00'],
      ['13:00:00', '13:00:00'],
    ]);
    expect(h.told('missed').map(({ count }) => count)).toEqual([4]);
  });

  test('all, one after another', async () => {
    const h = await down('all');
    expect(h.dues()).toEqual(['12:10:00', '12:20:00', '12:30:00', '12:40:00', '12:50:00', '13:00:00']);
    expect(h.told('missed')).toEqual([]);
  });

  test('all, up to a deadline', async () => {
    const h = await down('all', { startingDeadline: 30 * minute });
    expect(h.dues()).toEqual(['12:30:00', '12:40:00', '12:50:00', '13:00:00']);
  });

  test('never outside of the window', async () => {
    const window = { days: [5], from: 12 * 60, to: 12 * 60 + 44, timezone: 'UTC', holidays: [] };
    const h = await down('all', { window });
    expect(h.dues()).toEqual([]);
    expect(h.told('outside-window').length).toBeGreaterThanOrEqual(4);
  });
});

describe('a clock that is set', () => {
  test('back by an hour: a calendar fires no time twice', async () => {
    const h = house();
    const life = h.live(schedule({ cron: '*/10 * * * *' }));
    await h.advance(35 * minute);
    h.set(-hour);
    await h.advance(2 * hour);
    await life.stop();
    const dues = h.fired.map(({ due }) => due);
    expect(new Set(dues).size).toBe(dues.length);
    expect(h.dues().slice(0, 5)).toEqual(['12:10:00', '12:20:00', '12:30:00', '12:40:00', '12:50:00']);
    expect(h.told('clock-jumped').map(({ by }) => by)).toEqual([-hour]);
  });

  test('back by an hour: a rhythm and a lot go on in their own time', async () => {
    for (const timing of [{ every: 10 * minute }, { random: { min: 5 * minute, max: 10 * minute } }] as const) {
      const h = house();
      const life = h.live(schedule(timing));
      await h.advance(35 * minute);
      h.set(-hour);
      await h.advance(2 * hour);
      await life.stop();
      const gaps = h.fired.slice(1).map(({ mono }, i) => mono - (h.fired[i]?.mono ?? 0));
      expect(Math.min(...gaps)).toBeGreaterThanOrEqual(5 * minute);
      expect(Math.max(...gaps)).toBeLessThanOrEqual(20 * minute);
      expect(h.told('finished').length).toBe(h.fired.length);
    }
  });

  test.each([
    ['skip', ['12:10:00', '17:20:00']],
    ['once', ['12:10:00', '17:10:00', '17:20:00']],
  ] as const)('forward by five hours: %s', async (missedRuns, dues) => {
    const h = house();
    const life = h.live(schedule({ every: 10 * minute }, { missedRuns }));
    await h.advance(12 * minute);
    h.set(5 * hour);
    await h.advance(10 * minute);
    await life.stop();
    expect(h.dues()).toEqual(dues);
    expect(h.told('missed').reduce((sum, { count }) => sum + count, 0)).toBe(missedRuns === 'skip' ? 30 : 29);
    expect(h.told('clock-jumped').map(({ by }) => by)).toEqual([5 * hour]);
  });

  test('forward by five hours: all', async () => {
    const h = house();
    const life = h.live(schedule({ every: 10 * minute }, { missedRuns: 'all' }));
    await h.advance(12 * minute);
    h.set(5 * hour);
    await h.advance(10 * minute);
    await life.stop();
    expect(h.fired.map(({ due }) => due)).toEqual(Array.from({ length: 32 }, (_, i) => start + (i + 1) * 10 * minute));
  });

  test('no wait is longer than half a minute', async () => {
    const h = house();
    const life = h.live(schedule({ every: 365 * 24 * hour }));
    await h.advance(10 * minute);
    await life.stop();
    expect(Math.max(...h.slept)).toBeLessThanOrEqual(30 * second);
  });
});

describe('whatever happens', () => {
  const happenings = fc.array(
    fc.oneof(
      fc.record({ do: fc.constant('wait' as const), ms: fc.nat(40 * minute) }),
      fc.record({ do: fc.constant('restart' as const), ms: fc.nat(40 * minute) }),
      fc.record({ do: fc.constant('set' as const), ms: fc.integer({ min: -2 * hour, max: 2 * hour }) }),
    ),
    { maxLength: 25 },
  );

  test.each(['skip', 'once', 'all'] as const)(
    'no due time is decided twice, none is forgotten (%s)',
    async (missedRuns) => {
      await fc.assert(
        fc.asyncProperty(happenings, async (list) => {
          const h = house();
          const shop = schedule({ cron: '*/10 * * * *' }, { missedRuns, historyLimit: 1000 });
          let life = h.live(shop);
          await h.settle();
          for (const { do: what, ms } of list) {
            if (what === 'wait') await h.advance(ms);
            if (what === 'set') h.set(ms);
            if (what !== 'restart') continue;
            await life.stop();
            await h.advance(ms);
            life = h.live(shop);
          }
          await h.advance(40 * minute);
          await life.stop();
          const dues = h.fired.map(({ due }) => due);
          // A clock set back by more than three hours in sum is a new clock; until then no time comes twice.
          const anchors = h.entries().filter(({ type }) => type === 'anchored').length;
          if (anchors === 1) {
            expect(new Set(dues).size).toBe(dues.length);
            const decided = h
              .entries()
              .reduce(
                (sum, entry) => sum + (entry.type === 'fired' ? 1 : entry.type === 'missed' ? entry.count : 0),
                0,
              );
            const last = Math.max(
              start,
              ...h.entries().map((entry) => (entry.type === 'fired' || entry.type === 'missed' ? entry.due : 0)),
            );
            expect(decided).toBe((last - start) / (10 * minute));
          }
          if (missedRuns === 'all') expect(h.told('missed')).toEqual([]);
        }),
        { numRuns: 40, seed: 7 },
      );
    },
    120_000,
  );
});
