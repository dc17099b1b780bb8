import { expect, test } from 'vitest';
import { tinyEngine } from '../../../test/fixtures/tiny-engine.ts';
import { start } from './fixtures/start.ts';
import { readSettings, type Settings } from './settings.ts';

const engine = tinyEngine({ candidates: () => [] });

function settings(...argv: string[]): Settings {
  const asked = readSettings(argv, () => 7);
  if (asked.kind !== 'play') throw new Error(asked.kind);
  return asked.settings;
}

test('NM-01 the flags of the original and their defaults', () => {
  expect(settings()).toMatchObject({
    execute: false,
    minInterval: 3600,
    maxInterval: 21600,
    window: { days: [1, 2, 3, 4, 5], from: 660, to: 1080, holidays: [] },
    host: '127.0.0.1',
    port: 8080,
  });
  const given = settings('--execute', '--min-interval', '1', '--max-interval=2', '--day', '2-3', '--port', '9');
  expect(given).toMatchObject({ execute: true, minInterval: 1, maxInterval: 2, port: 9, window: { days: [2, 3] } });
});

test.each([
  [['-port', '9'], { port: 9 }],
  [['--port=9'], { port: 9 }],
  [['-p', '9'], { port: 9 }],
  [['-p=9'], { port: 9 }],
  [['--p', '9'], { port: 9 }],
  [['-p', '8', '-p', '9'], { port: 9 }],
  [['-p', '0x10'], { port: 16 }],
  [['-d', '2-3'], { window: { days: [2, 3] } }],
  [['-t', '01:00-02:00'], { window: { from: 60, to: 120 } }],
  [['-execute'], { execute: true }],
  [['--execute=false'], { execute: false }],
  [['--execute=T', '-p', '9'], { execute: true, port: 9 }],
  [['-p', '9', '--'], { port: 9 }],
])('NM-01 Go-style flags: %j', (argv, wanted) => {
  expect(settings(...argv)).toMatchObject(wanted);
});

test.each([['--help'], ['-h'], ['-help'], ['help'], ['h']])(
  'NM-01 %s prints the help in the layout of the original',
  async (flag) => {
    const { lines, exit } = await start(['-p', '0', flag], engine);
    expect(await exit).toBe(0);
    const text = lines().join('\n');
    expect(text).toMatch(
      /^NAME:\n {3}Nightmare Monkey - .+\n\nUSAGE:\n {3}nightmare-monkey \[global options\] command/,
    );
    expect(text).toContain('\n\nVERSION:\n   0.0.1 (rev:73977f3)\n\nCOMMANDS:\n     help, h  Shows a list of commands');
    expect(text).toMatch(/\n\nGLOBAL OPTIONS:\n {3}--execute {2,}/);
    expect(text).toMatch(/\n {3}--min-interval value {2,}.*\(default: 3600\)\n/);
    expect(text).toMatch(/\n {3}--day value, -d value {2,}.*\(default: "1-5"\)\n/);
    expect(text).toMatch(/\n {3}--port value, -p value {2,}.*\(default: 8080\)\n/);
    expect(text).toMatch(/\n {3}--help, -h {2,}show this help\n {3}--version, -v {2,}print the version$/);
  },
);

test.each([['--version'], ['-v']])('NM-01 %s', async (flag) => {
  const { lines, exit } = await start([flag, '-p', '0'], engine);
  expect(await exit).toBe(0);
  expect(lines()).toEqual(['Nightmare Monkey version 0.0.1 (rev:73977f3)']);
});

test('NM-14 days and hours may wrap, and 7 is Sunday', () => {
  expect(settings('-d', '5-1').window.days).toEqual([0, 1, 5, 6]);
  expect(settings('-d', '6-7').window.days).toEqual([0, 6]);
  expect(settings('-d', '0-0').window.days).toEqual([0]);
  expect(settings('-d', '7-7').window.days).toEqual([0]);
  expect(settings('-d', '0-7').window.days).toEqual([0, 1, 2, 3, 4, 5, 6]);
  expect(settings('-t', '22:00-06:00').window).toMatchObject({ from: 1320, to: 360 });
});

test.each([
  [['--day', '1'], '--day: "1" is not a range of days: write 1-5, or 1-1 for Monday alone'],
  [['--day', 'x-5'], '--day: "x" is not a day of the week'],
  [['--day', '9-12'], '--day: "9" is not a day of the week'],
  [['--day', ''], '--day: "" is not a range'],
  [['--time', '1100-1800'], '--time: "1100" is not a time of day'],
  [['--time', 'aa:00-18:00'], '--time: "aa:00" is not a time of day'],
  [['--time', '25:99-99:99'], '--time: "25:99" is not a time of day'],
  [['--time', '11:00'], '--time: "11:00" is not a time range'],
  [['--port', 'x'], '--port: "x" is not a whole number'],
  [['--port', '-1'], '--port: "-1" is not a whole number'],
  [['--port', '70000'], '--port: 70000 is not a port'],
  [['--port'], '--port needs a value'],
  [['-p'], '-p needs a value'],
  [['--execute=maybe'], '--execute: "maybe" is neither true nor false'],
  [['--nope'], 'unknown flag --nope'],
  [['--excute'], 'unknown flag --excute; did you mean --execute?'],
  [['---p', '3'], '"---p" is not a flag'],
  [['-=3'], '"-=3" is not a flag'],
  [['-d', '1-2', '--day', '3-4'], '-d and --day are the same flag'],
  [['execute', '--day', '6-6'], 'unexpected argument "execute"'],
  [['--execute', 'false'], 'unexpected argument "false"'],
  [['help', 'foo'], 'there is no help for "foo"'],
  [['--seed', '99999999999'], '--seed'],
  [['--counter-url', 'ftp://x'], '--counter-url'],
  [['--counter-url', 'http://x'], '--counter-url needs --counter-state FILE'],
  [['--chat-users', ' , '], '--chat-users'],
  [['--chat-users', 'ada'], '--chat-users: set ZASHIKI_CHAT_TOKEN'],
])('NM-15 %j: one line that names the flag, exit 2', async (argv, message) => {
  const wrong = await start(
    ['-p=0', ...argv].filter((_, index) => index > 0 || !/^--?p/.test(argv[0] ?? '')),
    engine,
  );
  expect(await wrong.exit).toBe(2);
  expect(wrong.errors()).toContain(`nightmare-monkey: ${message}`);
  expect(wrong.errors().split('\n')).toHaveLength(2);
  expect(wrong.lines()).toEqual([]);
});

test('NM-16 min = max is a fixed wait; min above max is an error', async () => {
  expect(settings('--min-interval', '5', '--max-interval', '5')).toMatchObject({ minInterval: 5, maxInterval: 5 });
  const wrong = await start(['--min-interval', '6', '--max-interval', '5'], engine);
  expect(await wrong.exit).toBe(2);
  expect(wrong.errors()).toBe('nightmare-monkey: --min-interval 6 is more than --max-interval 5\n');
  expect(() => settings('--min-interval', '0', '--max-interval', '0')).toThrow('--max-interval must be at least 1');
});

test('NM-17 the seed is drawn when it is not given', () => {
  expect(settings().seed).toBe(7);
  expect(settings('--seed', '12').seed).toBe(12);
});
