import { describe, expect, test } from 'vitest';
import { hour, house, iso, minute, schedule, second, start } from '../../test/fixtures/schedule-house.ts';
import type { ScheduleSpec } from '../core/schedule/model.ts';
import type { RunOutcome } from '../core/schedule/state.ts';
import type { Firing } from './schedule.ts';

describe('runs that overlap', () => {
  const slow =
    (h: () => ReturnType<typeof house>) =>
    async ({ signal }: Firing): Promise<RunOutcome> => {
      const outcome = await h()
        .clock.sleep(90 * second, signal)
        .then(
          () => 'held' as const,
          () => 'skipped' as const,
        );
      return outcome;
    };
  const overlap = async (concurrencyPolicy: ScheduleSpec['concurrencyPolicy']) => {
    const h: ReturnType<typeof house> = house((firing) => slow(() => h)(firing));
    const life = h.live(schedule({ every: minute }, { concurrencyPolicy }));
    await h.advance(3 * minute + 50 * second);
    await life.stop();
    return h;
  };

  test('Forbid: the later one is missed', async () => {
    const h = await overlap('Forbid');
    expect(h.dues()).toEqual(['12:01:00', '12:03:00']);
    expect(h.told('missed').map(({ due, reason }) => [iso(due), reason])).toEqual([
      ['12:02:00', 'the run before it still goes on (Forbid)'],
    ]);
  });

  test('Allow: they overlap', async () => {
    const h = await overlap('Allow');
    expect(h.dues()).toEqual(['12:01:00', '12:02:00', '12:03:00']);
  });

  test('Replace: the earlier one is ended first', async () => {
    const h = await overlap('Replace');
    expect(h.dues()).toEqual(['12:01:00', '12:02:00', '12:03:00']);
    expect(h.told('finished').map(({ outcome }) => outcome)).toEqual(['skipped', 'skipped', 'skipped']);
    const order = h.events.filter(({ type }) => type === 'fired' || type === 'finished').map(({ type }) => type);
    expect(order).toEqual(['fired', 'finished', 'fired', 'finished', 'fired', 'finished']);
  });

  test('the end of the daemon ends its runs and waits for them', async () => {
    const h = await overlap('Forbid');
    expect(h.told('finished').map(({ outcome }) => outcome)).toEqual(['held', 'skipped']);
    expect(h.entries().filter(({ type }) => type === 'finished').length).toBe(2);
  });
});

describe('outside of the window', () => {
  const window = { days: [1, 2, 3, 4, 5], from: 11 * 60, to: 12 * 60 + 29, timezone: 'UTC', holidays: [] };

  test('a calendar goes on at the next opening', async () => {
    const h = house();
    const life = h.live(schedule({ cron: '*/10 * * * *' }, { window }));
    await h.advance(4 * 24 * hour);
    await life.stop();
    const monday = [
      '11:00:00',
      '11:10:00',
      '11:20:00',
      '11:30:00',
      '11:40:00',
      '11:50:00',
      '12:00:00',
      '12:10:00',
      '12:20:00',
    ];
    expect(h.dues().slice(0, 11)).toEqual(['12:10:00', '12:20:00', ...monday]);
    expect(h.told('outside-window')[0]?.reason).toBe(
      'outside the window: Fri 12:30 in UTC, allowed Mon-Fri 11:00-12:29',
    );
  });

  test('a random interval ticks on and says so each time', async () => {
    const h = house();
    const life = h.live(schedule({ random: { min: 10 * minute, max: 10 * minute } }, { window }));
    await h.advance(65 * minute);
    await life.stop();
    expect(h.dues()).toEqual(['12:10:00', '12:20:00']);
    expect(h.told('outside-window').map(({ due }) => iso(due))).toEqual([
      '12:30:00',
      '12:40:00',
      '12:50:00',
      '13:00:00',
    ]);
    expect(h.told('planned')[0]?.wait).toBe(10 * minute);
  });
});

describe('trouble', () => {
  test('what cannot be written down is not run; it goes on once it can', async () => {
    const h = house();
    const life = h.live(schedule({ every: minute }));
    await h.advance(70 * second);
    h.break(true);
    await h.advance(2 * minute);
    expect(h.dues()).toEqual(['12:01:00']);
    expect(h.told('trouble').length).toBeGreaterThan(1);
    h.break(false);
    await h.advance(minute);
    await life.stop();
    expect(h.dues()).toEqual(['12:01:00', '12:04:00']);
    expect(h.told('missed').reduce((sum, { count }) => sum + count, 0)).toBe(2);
  });

  test('a run that throws is failed, and the next one comes', async () => {
    const h = house(() => Promise.reject(new Error('boom')));
    const life = h.live(schedule({ every: minute }));
    await h.advance(2 * minute);
    await life.stop();
    expect(h.told('finished').map(({ outcome, error }) => [outcome, String(error)])).toEqual([
      ['failed', 'Error: boom'],
      ['failed', 'Error: boom'],
    ]);
  });

  test('a calendar without a due time ends', async () => {
    const h = house();
    await h.live(schedule({ cron: '0 0 30 2 *' })).done;
    expect(h.told('ended').length).toBe(1);
  });

  test('a wrong expression or a name twice is refused before anything starts', async () => {
    const h = house();
    await expect(h.live([schedule({ every: minute }), schedule({ cron: '61 * * * *' }, {}, 'b')]).done).rejects.toThrow(
      'above maximum',
    );
    await expect(h.live([schedule({ every: minute }), schedule({ every: hour })]).done).rejects.toThrow(
      'two schedules are named "shop"',
    );
    expect(h.events).toEqual([]);
  });
});

test('several schedules go on side by side', async () => {
  const h = house();
  const life = h.live([schedule({ every: 10 * minute }, {}, 'a'), schedule({ cron: '*/15 * * * *' }, {}, 'b')]);
  await h.advance(31 * minute);
  await life.stop();
  expect(h.fired.map(({ schedule: of, due }) => `${of} ${iso(due)}`)).toEqual([
    'a 12:10:00',
    'b 12:15:00',
    'a 12:20:00',
    'a 12:30:00',
    'b 12:30:00',
  ]);
});

test('each group has its own chance, and the mean distance holds for each', async () => {
  const h = house();
  const groups = ['web', 'db', 'queue'];
  const shop = schedule({ meanTimeBetween: hour }, { concurrencyPolicy: 'Allow' });
  const life = h.live(shop, { groups: async () => groups });
  const hours = 300;
  await h.advance(hours * hour);
  await life.stop();
  const of = (group: string) => h.fired.filter((firing) => firing.group === group).map(({ due }) => due);
  for (const group of groups) {
    // Four sigma of a Poisson count.
    expect(Math.abs(of(group).length - hours)).toBeLessThan(4 * Math.sqrt(hours));
  }
  // Independent: an hour in which one is hit is no likelier to be one in which another is.
  const hitIn = (group: string) => new Set(of(group).map((due) => Math.floor((due - start) / hour)));
  const [web, db] = [hitIn('web'), hitIn('db')];
  const both = [...web].filter((n) => db.has(n)).length;
  const expected = (web.size * db.size) / hours;
  expect(Math.abs(both - expected)).toBeLessThan(4 * Math.sqrt(expected));
}, 60_000);
