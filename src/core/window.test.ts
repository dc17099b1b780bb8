import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Window } from './model.ts';
import { formatDays, inWindow, nextClosing, nextOpening, windowRefusal } from './window.ts';
import { parseDays, parseHoliday, parseTimeRange } from './window-text.ts';
import { localTime, zoneError } from './zone.ts';

const minute = 60_000;
const at = (iso: string) => Date.parse(iso);
function window(days: string, time: string, timezone: string, holidays: readonly string[] = []): Window {
  const [parsedDays, range] = [parseDays(days), parseTimeRange(time)];
  if (!parsedDays.value || !range.value) throw new Error(parsedDays.error ?? range.error);
  return { days: parsedDays.value, ...range.value, timezone, holidays };
}

describe('inWindow', () => {
  const office = window('Mon-Fri', '11:00-18:00', 'Asia/Tokyo');

  test.each([
    ['2026-11-20T01:59:59.999Z', false, 'Fri 10:59'],
    ['2026-11-20T02:00:00Z', true, 'Fri 11:00'],
    ['2026-11-20T09:00:59.999Z', true, 'Fri 18:00:59, the end minute is in'],
    ['2026-11-20T09:01:00Z', false, 'Fri 18:01'],
    ['2026-11-21T03:00:00Z', false, 'Sat 12:00'],
    ['2026-11-15T23:00:00Z', false, 'Mon 08:00 in Tokyo, still Sunday in UTC'],
  ])('%s → %s (%s)', (iso, expected) => {
    expect(inWindow(office, at(iso))).toBe(expected);
  });

  test('a range over midnight follows the day on which it opened', () => {
    const night = window('Mon-Fri', '22:00-06:00', 'UTC');
    expect(inWindow(night, at('2026-11-20T23:00:00Z'))).toBe(true); // Friday night
    expect(inWindow(night, at('2026-11-21T06:00:59Z'))).toBe(true); // its Saturday morning
    expect(inWindow(night, at('2026-11-21T22:00:00Z'))).toBe(false); // Saturday night
    expect(inWindow(night, at('2026-11-23T03:00:00Z'))).toBe(false); // Monday before dawn belongs to Sunday
    expect(inWindow(night, at('2026-11-24T03:00:00Z'))).toBe(true);
  });

  test('days wrap and Sunday is 0 and 7', () => {
    const weekend = window('6-7', '00:00-23:59', 'UTC');
    expect(inWindow(weekend, at('2026-11-21T12:00:00Z'))).toBe(true);
    expect(inWindow(weekend, at('2026-11-22T12:00:00Z'))).toBe(true);
    expect(inWindow(weekend, at('2026-11-23T12:00:00Z'))).toBe(false);
  });

  test('holidays are local dates, once or every year, and silence the rest of the night before', () => {
    const days = window('every day', '11:00-18:00', 'Asia/Tokyo', ['2026-11-23', '01-01']);
    expect(inWindow(days, at('2026-11-22T15:00:00Z') + 12 * 60 * minute)).toBe(false);
    expect(inWindow(days, at('2027-01-01T03:00:00Z'))).toBe(false);
    expect(inWindow(days, at('2027-11-23T03:00:00Z'))).toBe(true);
    const night = window('every day', '22:00-06:00', 'UTC', ['12-25']);
    expect(inWindow(night, at('2026-12-24T23:00:00Z'))).toBe(true);
    expect(inWindow(night, at('2026-12-25T03:00:00Z'))).toBe(false); // the holiday itself
    expect(inWindow(night, at('2026-12-26T03:00:00Z'))).toBe(false); // no window opened on the holiday
    expect(inWindow(night, at('2026-12-26T23:00:00Z'))).toBe(true);
  });

  test('an hour that the clock skips is never in, one that it repeats is in twice', () => {
    const berlin = window('every day', '02:00-02:59', 'Europe/Berlin');
    const minutesIn = (day: string) =>
      Array.from({ length: 1440 }, (_, n) => at(day) + n * minute).filter((then) => inWindow(berlin, then)).length;
    expect(minutesIn('2026-03-28T23:00:00Z')).toBe(0);
    expect(minutesIn('2026-10-24T22:00:00Z')).toBe(120);
    expect(minutesIn('2026-06-01T22:00:00Z')).toBe(60);
  });
});

describe('windowRefusal', () => {
  test('says what time it is there and what is allowed', () => {
    const office = window('Mon-Fri', '11:00-18:00', 'Asia/Tokyo', ['2026-11-23']);
    expect(windowRefusal(office, at('2026-11-20T03:00:00Z'))).toBeNull();
    expect(windowRefusal(office, at('2026-11-21T12:14:00Z'))).toBe(
      'outside the window: Sat 21:14 in Asia/Tokyo, allowed Mon-Fri 11:00-18:00',
    );
    expect(windowRefusal(office, at('2026-11-23T03:00:00Z'))).toBe(
      'outside the window: Mon 12:00 (a holiday) in Asia/Tokyo, allowed Mon-Fri 11:00-18:00',
    );
  });
});

describe('nextOpening', () => {
  test.each([
    ['open now', window('Mon-Fri', '11:00-18:00', 'UTC'), '2026-11-20T12:00:00.500Z', '2026-11-20T12:00:00.500Z'],
    ['over a weekend', window('Mon-Fri', '11:00-18:00', 'UTC'), '2026-11-20T18:01:00Z', '2026-11-23T11:00:00Z'],
    [
      'a gap swallows its start',
      window('every day', '02:30-04:00', 'Europe/Berlin'),
      '2026-03-28T23:00:00Z',
      '2026-03-29T01:00:00Z',
    ],
    [
      'a gap swallows all of it',
      window('every day', '02:00-02:59', 'America/New_York'),
      '2026-03-08T05:00:00Z',
      '2026-03-09T06:00:00Z',
    ],
    [
      'the repeated hour',
      window('every day', '01:00-01:10', 'America/New_York'),
      '2026-11-01T05:30:00Z',
      '2026-11-01T06:00:00Z',
    ],
    [
      'a jump inside of the next range',
      window('every day', '00:30-12:00', 'Europe/Berlin'),
      '2026-03-28T12:00:00Z',
      '2026-03-28T23:30:00Z',
    ],
    [
      'half an hour of summer',
      window('every day', '02:00-02:10', 'Australia/Lord_Howe'),
      '2026-10-03T12:00:00Z',
      '2026-10-04T15:00:00Z',
    ],
    [
      'half an hour is repeated',
      window('every day', '01:40-01:45', 'Australia/Lord_Howe'),
      '2026-04-04T14:50:00Z',
      '2026-04-04T15:10:00Z',
    ],
  ])('%s', (_, given, from, expected) => {
    expect(new Date(nextOpening(given, at(from)) ?? 0).toISOString()).toBe(new Date(expected).toISOString());
  });

  test('null when it never opens', () => {
    expect(nextOpening({ ...window('Mon', '11:00-18:00', 'UTC'), days: [] }, 0)).toBeNull();
  });

  test('is the first minute that is in, found the slow way', () => {
    const zones = fc.constantFrom('Europe/Berlin', 'America/New_York', 'Asia/Tokyo', 'Australia/Lord_Howe');
    const days = fc.uniqueArray(fc.integer({ min: 0, max: 6 }), { minLength: 1 });
    const anyMinute = fc.integer({ min: 0, max: 1439 });
    // Around the changes of 2026, where it is hard.
    const around = fc.constantFrom('2026-03-08', '2026-03-29', '2026-04-04', '2026-10-03', '2026-10-25', '2026-11-01');
    fc.assert(
      fc.property(
        zones,
        days,
        anyMinute,
        anyMinute,
        around,
        fc.integer({ min: -2880, max: 1440 }),
        (timezone, on, from, to, date, shift) => {
          const given: Window = { days: on, from, to, timezone, holidays: [] };
          const start = at(`${date}T12:00:00Z`) + shift * minute;
          let slow = start;
          while (!inWindow(given, slow) && slow < start + 9 * 1440 * minute) slow += minute;
          const found = nextOpening(given, start);
          if (slow < start + 9 * 1440 * minute) expect(found).toBe(slow);
          else expect(found === null || found >= slow).toBe(true);
        },
      ),
      { numRuns: 80, seed: 1 },
    );
  }, 120_000);
});

describe('nextClosing', () => {
  test('the end minute is still open; what is closed closes now; what never closes is cut off after a week', () => {
    const office = window('Mon-Fri', '11:00-18:00', 'Asia/Tokyo');
    expect(nextClosing(office, at('2026-11-20T03:00:00Z'))).toBe(at('2026-11-20T09:01:00Z'));
    expect(nextClosing(office, at('2026-11-21T03:00:00Z'))).toBe(at('2026-11-21T03:00:00Z'));
    const always = window('every day', '00:00-24:00', 'UTC');
    expect(nextClosing(always, at('2026-11-20T03:00:00Z'))).toBe(at('2026-11-27T03:00:00Z'));
  });

  test('is the first minute that is out, found the slow way', () => {
    const zones = fc.constantFrom('Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe');
    const days = fc.uniqueArray(fc.integer({ min: 0, max: 6 }), { minLength: 4 });
    const anyMinute = fc.integer({ min: 0, max: 1439 });
    const around = fc.constantFrom('2026-03-08', '2026-03-29', '2026-04-04', '2026-10-03', '2026-10-25', '2026-11-01');
    fc.assert(
      fc.property(zones, days, anyMinute, anyMinute, around, (timezone, on, from, to, date) => {
        const given: Window = { days: on, from, to, timezone, holidays: [] };
        const start = nextOpening(given, at(`${date}T00:00:00Z`)) ?? 0;
        let slow = start;
        while (inWindow(given, slow) && slow < start + 7 * 1440 * minute) slow += minute;
        expect(nextClosing(given, start)).toBe(slow);
      }),
      { numRuns: 60, seed: 1 },
    );
  }, 120_000);
});

describe('text', () => {
  test.each([
    ['Mon-Fri', [1, 2, 3, 4, 5]],
    ['1-5', [1, 2, 3, 4, 5]],
    ['6-7', [0, 6]],
    ['Fri-Mon', [0, 1, 5, 6]],
    ['5-1', [0, 1, 5, 6]],
    ['0-7', [0, 1, 2, 3, 4, 5, 6]],
    ['1-7', [0, 1, 2, 3, 4, 5, 6]],
    ['7-1', [0, 1]],
    ['monday, Wed,6', [1, 3, 6]],
    ['7', [0]],
    ['every day', [0, 1, 2, 3, 4, 5, 6]],
  ])('days %s', (text, days) => {
    expect(parseDays(text).value).toEqual(days);
  });

  test.each([
    ['x-5', '"x" is not a day of the week: write days as Mon-Fri'],
    ['9-12', '"9" is not a day of the week'],
    ['1-8', '"8" is not a day of the week'],
    ['1-2-3', '"1-2-3" is not a range of days'],
    ['', 'a day is missing'],
    ['Mon,,Tue', 'a day is missing'],
    ['S', '"S" is not a day of the week'],
  ])('days "%s" is refused', (text, message) => {
    expect(parseDays(text).error).toContain(message);
  });

  test.each([
    ['11:00-18:00', { from: 660, to: 1080 }],
    ['22:00-06:00', { from: 1320, to: 360 }],
    ['9:05 - 10:00', { from: 545, to: 600 }],
    ['00:00-24:00', { from: 0, to: 1439 }],
  ])('time %s', (text, range) => {
    expect(parseTimeRange(text).value).toEqual(range);
  });

  test.each([
    ['1100-1800', '"1100" is not a time of day: write it as HH:MM-HH:MM'],
    ['aa:00-18:00', '"aa:00" is not a time of day'],
    ['11:00-18:60', '"18:60" is not a time of day'],
    ['25:99-99:99', '"25:99" is not a time of day'],
    ['24:00-02:00', '"24:00" is not a time of day'],
    ['11:00', '"11:00" is not a time range'],
  ])('time "%s" is refused', (text, message) => {
    expect(parseTimeRange(text).error).toContain(message);
  });

  test('holidays', () => {
    expect(parseHoliday('2026-12-24').value).toBe('2026-12-24');
    expect(parseHoliday('02-29').value).toBe('02-29');
    expect(parseHoliday('2026-02-29').error).toContain('not in the calendar');
    expect(parseHoliday('24.12.').error).toContain('write it as 2026-12-24');
  });

  test('days are written as people write them, and can be read back', () => {
    expect(formatDays([1, 2, 3, 4, 5])).toBe('Mon-Fri');
    expect(formatDays([0, 1, 5, 6])).toBe('Fri-Mon');
    expect(formatDays([1, 3])).toBe('Mon,Wed');
    expect(formatDays([0, 6])).toBe('Sat-Sun');
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 0, max: 6 }), { minLength: 1 }), (days) => {
        expect(parseDays(formatDays(days)).value).toEqual([...days].sort((a, b) => a - b));
      }),
    );
  });

  test('time zones', () => {
    expect(zoneError('Asia/Tokyo')).toBeNull();
    expect(zoneError('Nope/X')).toBe('unknown time zone "Nope/X": write an IANA name such as Europe/Berlin or UTC');
    expect(zoneError('Tokyo')).toBe('unknown time zone "Tokyo": did you mean Asia/Tokyo?');
    expect(localTime('Asia/Tokyo', 0)).toMatchObject({ year: 1970, month: 1, day: 1, weekday: 4, hour: 9 });
    expect(localTime('UTC', -1)).toMatchObject({ year: 1969, hour: 23, second: 59 });
  });
});
