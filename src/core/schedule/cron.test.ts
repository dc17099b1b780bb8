import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ZashikiError } from '../errors.ts';
import type { EpochMs } from '../model.ts';
import { offsetAt } from '../zone.ts';
import { parseCron } from './cron.ts';
import { parseGoDuration } from './go-duration.ts';

const at = (iso: string) => Date.parse(iso);
const iso = (time: EpochMs | null) => (time === null ? 'never' : new Date(time).toISOString().replace('.000Z', 'Z'));
const next = (spec: string, after: string, zone = 'UTC') => iso(parseCron(spec, zone).next(at(after)));

function refusal(spec: string): ZashikiError {
  try {
    parseCron(spec, 'UTC');
  } catch (error) {
    if (error instanceof ZashikiError) return error;
    throw error;
  }
  throw new Error(`"${spec}" was accepted`);
}

describe('CM-06 agrees with robfig/cron v3.0.0, now = 2020-01-31T23:59:30.25Z', () => {
  test.each([
    ['@every 2m', '2020-02-01T00:01:30Z'],
    ['@every 1h30m', '2020-02-01T01:29:30Z'],
    ['@hourly', '2020-02-01T00:00:00Z'],
    ['@daily', '2020-02-01T00:00:00Z'],
    ['@midnight', '2020-02-01T00:00:00Z'],
    ['@monthly', '2020-02-01T00:00:00Z'],
    ['@weekly', '2020-02-02T00:00:00Z'],
    ['@yearly', '2021-01-01T00:00:00Z'],
    ['@annually', '2021-01-01T00:00:00Z'],
    ['30 9 * * 1-5', '2020-02-03T09:30:00Z'],
    ['0 0 31 * *', '2020-03-31T00:00:00Z'],
    ['0 12 1 * MON', '2020-02-01T12:00:00Z'],
    ['TZ=Asia/Tokyo 0 9 * * *', '2020-02-01T00:00:00Z'],
    ['CRON_TZ=Asia/Tokyo 0 9 * * *', '2020-02-01T00:00:00Z'],
    ['0 0 30 2 *', 'never'],
    ['5/15 * * * *', '2020-02-01T00:05:00Z'],
    ['1-5/2 * * * *', '2020-02-01T00:01:00Z'],
    ['? * ? * *', '2020-02-01T00:00:00Z'],
    [' */5 * * * * ', '2020-02-01T00:00:00Z'],
  ])('%s → %s', (spec, expected) => {
    expect(next(spec, '2020-01-31T23:59:30.250Z')).toBe(expected);
  });

  test.each([
    ['@every 2', 'failed to parse duration @every 2: time: missing unit in duration "2"'],
    ['60 * * * *', 'end of range (60) above maximum (59): 60'],
    ['5-1 * * * *', 'beginning of range (5) beyond end of range (1): 5-1'],
    ['*/0 * * * *', 'step of range should be a positive number: */0'],
    ['', 'empty spec string'],
    ['@reboot', 'unrecognized descriptor: @reboot'],
    ['@EVERY 1m', 'unrecognized descriptor: @EVERY 1m'],
    ['TZ=Nope/X 0 9 * * *', 'provided bad location Nope/X: unknown time zone Nope/X'],
  ])('"%s" → %s', (spec, message) => {
    expect(refusal(spec).message).toBe(message);
  });
});

describe('CM-06 differs from it on purpose', () => {
  const now = '2020-01-31T23:59:30.250Z';
  test.each([
    ['six fields, seconds first', '0 30 * * * *', '2020-02-01T00:30:00Z'],
    ['every second', '* * * * * *', '2020-01-31T23:59:31Z'],
    ['7 is Sunday', '* * * * 7', '2020-02-02T00:00:00Z'],
    ['a range up to 7', '0 0 * * 5-7', '2020-02-01T00:00:00Z'],
    ['a step up to 7', '0 0 * * 1-7/6', '2020-02-02T00:00:00Z'],
    ['half seconds are kept', '@every 1500ms', '2020-01-31T23:59:31.750Z'],
    ['days', '@every 1d', '2020-02-01T23:59:30Z'],
  ])('%s: %s', (_, spec, expected) => {
    expect(next(spec, now)).toBe(expected);
  });

  test('29 February is found eight years ahead', () => {
    expect(next('0 0 29 2 *', '2096-03-01T00:00:00Z')).toBe('2104-02-29T00:00:00Z');
  });

  test.each(['@every 500ms', '@every 0s', '@every -1m'])('%s is refused', (spec) => {
    expect(refusal(spec).message).toBe(`the distance of ${spec} is shorter than 1s`);
  });

  test('four and seven fields are refused with our own number', () => {
    expect(refusal('* * * *').message).toBe('expected 5 or 6 fields, found 4: [* * * *]');
    expect(refusal('* * * * * * *').message).toContain('found 7');
  });
});

describe('a refusal names the field and the fix', () => {
  test.each([
    ['60 * * * *', 'the minute is 0 to 59'],
    ['0 0 0 * *', 'the day of the month is 1 to 31'],
    ['0 0 * FOO *', 'the month is 1 to 12, or a name such as FEB'],
    ['0 0 * * 8', 'the day of the week is 0 to 6, or a name such as MON'],
    ['0 0 * * MON-FRI-SUN', 'the day of the week'],
    ['1/2/3 * * * *', 'the minute'],
    ['1,,2 * * * *', 'the minute'],
    ['-1 * * * *', 'the minute'],
    ['0 0 * * */MON', 'the day of the week'],
    ['61 * * * * *', 'the second is 0 to 59'],
    ['TZ=Tokyo @daily', 'in TZ=: unknown time zone "Tokyo": did you mean Asia/Tokyo?'],
    ['TZ=Asia/Tokyo', 'write five fields'],
    ['@every soon', '@every 10m'],
  ])('%s', (spec, hint) => {
    expect(refusal(spec).hint).toContain(hint);
  });

  test('a wrong default zone is told as the timezone field', () => {
    expect(() => parseCron('@daily', 'Mars/Base')).toThrow('unknown time zone Mars/Base');
  });
});

describe('daylight saving', () => {
  test.each([
    [
      'a time in the gap comes once, right after it',
      '30 2 * * *',
      'Europe/Berlin',
      '2026-03-28T12:00:00Z',
      '2026-03-29T01:00:00Z',
    ],
    ['and not again', '30 2 * * *', 'Europe/Berlin', '2026-03-29T01:00:00Z', '2026-03-30T00:30:00Z'],
    [
      'two times in one gap come once',
      '15,45 2 * * *',
      'Europe/Berlin',
      '2026-03-29T01:00:00Z',
      '2026-03-30T00:15:00Z',
    ],
    ['a rhythm goes on over the gap', '*/30 * * * *', 'Europe/Berlin', '2026-03-29T00:30:00Z', '2026-03-29T01:00:00Z'],
    [
      'a time that comes twice fires once',
      '30 2 * * *',
      'Europe/Berlin',
      '2026-10-25T00:30:00Z',
      '2026-10-26T01:30:00Z',
    ],
    ['a rhythm fires in both', '*/30 * * * *', 'Europe/Berlin', '2026-10-25T00:30:00Z', '2026-10-25T01:00:00Z'],
    ['New York, gap', '30 2 * * *', 'America/New_York', '2026-03-07T12:00:00Z', '2026-03-08T07:00:00Z'],
    ['New York, overlap', '30 1 * * *', 'America/New_York', '2026-11-01T05:30:00Z', '2026-11-02T06:30:00Z'],
    ['Tokyo has none', '30 2 * * *', 'Asia/Tokyo', '2026-03-28T12:00:00Z', '2026-03-28T17:30:00Z'],
    [
      'Lord Howe skips half an hour',
      '15 2 * * *',
      'Australia/Lord_Howe',
      '2026-10-03T12:00:00Z',
      '2026-10-03T15:30:00Z',
    ],
    [
      'Lord Howe repeats half an hour',
      '45 1 * * *',
      'Australia/Lord_Howe',
      '2026-04-04T14:45:00Z',
      '2026-04-05T15:15:00Z',
    ],
  ])('%s', (_, spec, zone, after, expected) => {
    expect(next(spec, after, zone)).toBe(expected);
  });
});

test('durations of Go', () => {
  expect(parseGoDuration('1h30m')).toBe(5_400_000);
  expect(parseGoDuration('1.5h')).toBe(5_400_000);
  expect(parseGoDuration('-.5s')).toBe(-500);
  expect(parseGoDuration('0')).toBe(0);
  expect(parseGoDuration('1500us')).toBe(1.5);
  expect(() => parseGoDuration('')).toThrow('time: invalid duration ""');
  expect(() => parseGoDuration('1w')).toThrow('time: unknown unit "w" in duration "1w"');
  expect(() => parseGoDuration('1h5')).toThrow('time: missing unit in duration "1h5"');
  expect(() => parseGoDuration('s')).toThrow('time: invalid duration "s"');
});

/** The meaning of an expression, the slow way: look at every minute, at a fixed distance from UTC. */
function slowNext(
  sets: readonly (readonly number[] | '*')[],
  after: EpochMs,
  offset: number,
  limit: EpochMs,
): EpochMs | null {
  const [minutes, hours, doms, months, dows] = sets;
  const has = (set: readonly number[] | '*' | undefined, n: number) => set === '*' || set?.includes(n) === true;
  for (let time = Math.floor(after / 60_000) * 60_000 + 60_000; time <= limit; time += 60_000) {
    const local = new Date(time + offset);
    const [dom, dow] = [has(doms, local.getUTCDate()), has(dows, local.getUTCDay())];
    const day = doms === '*' || dows === '*' ? dom && dow : dom || dow;
    const hour = has(minutes, local.getUTCMinutes()) && has(hours, local.getUTCHours());
    if (hour && day && has(months, local.getUTCMonth() + 1)) return time;
  }
  return null;
}

test('is the first matching minute, found the slow way', () => {
  const list = (min: number, max: number) =>
    fc.oneof(fc.constant('*' as const), fc.uniqueArray(fc.integer({ min, max }), { minLength: 1, maxLength: 4 }));
  const zones = fc.constantFrom('UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Tokyo', 'Australia/Lord_Howe');
  const fields = fc.tuple(list(0, 59), list(0, 23), list(1, 31), list(1, 12), list(0, 6));
  const starts = fc.integer({ min: at('2026-01-01T00:00:00Z'), max: at('2027-12-31T00:00:00Z') });
  fc.assert(
    fc.property(fields, zones, starts, (sets, zone, start) => {
      const limit = start + 14 * 86_400_000;
      const offset = offsetAt(zone, start - 3_600_000);
      // Fixed times are moved in a gap and fired once in an overlap; the table above covers these.
      fc.pre(offset === offsetAt(zone, limit + 3_600_000));
      const spec = sets.map((set) => (set === '*' ? '*' : set.join(','))).join(' ');
      const slow = slowNext(sets, start, offset, limit);
      const found = parseCron(spec, zone).next(start);
      if (slow !== null) expect(iso(found)).toBe(iso(slow));
      else expect(found === null || found > limit).toBe(true);
    }),
    { numRuns: 300, seed: 7 },
  );
}, 120_000);

test('due times only go forward, in every zone and over every change of the clock', () => {
  const zones = fc.constantFrom('Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'America/Sao_Paulo');
  const specs = fc.constantFrom('30 2 * * *', '*/20 * * * *', '0 0 * * *', '15,45 1-3 * * *', '59 59 23 * * 7');
  fc.assert(
    fc.property(
      specs,
      zones,
      fc.integer({ min: at('2017-01-01T00:00:00Z'), max: at('2027-01-01T00:00:00Z') }),
      (spec, zone, start) => {
        const cron = parseCron(spec, zone);
        let time = start;
        for (let i = 0; i < 20; i += 1) {
          const then = cron.next(time);
          expect(then).toBeGreaterThan(time);
          time = then ?? Number.NaN;
        }
      },
    ),
    { numRuns: 60, seed: 7 },
  );
});

test('a strange text is refused or understood, never a crash of another kind', () => {
  const piece = fc.constantFrom(
    '*',
    '?',
    '1',
    '7',
    '59',
    '60',
    '-',
    '/',
    ',',
    ' ',
    '@every',
    '@daily',
    'TZ=',
    'UTC',
    'MON',
    'jan',
    'L',
    '#',
    'W',
    '\t',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 14 }), (pieces) => {
      try {
        parseCron(pieces.join(''), 'UTC');
      } catch (error) {
        expect(error).toBeInstanceOf(ZashikiError);
      }
    }),
    { numRuns: 2000, seed: 7 },
  );
});
