import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { HostSelector } from './selector.ts';

const problems = (given: unknown) =>
  (HostSelector.safeParse(given).error?.issues ?? []).map(({ path, message }) => `${path.join('.')}: ${message}`);

test('what is parsed is what was written, so it may be parsed again', () => {
  const written = {
    name: ['nginx', 're2:^node'],
    user: ['www-data', 33],
    parent: { unit: 'cron' },
    port: 8080,
    minAge: '5m',
    env: { ROLE: 're2:^(a|b)$', EMPTY: '' },
  };
  expect(HostSelector.parse(HostSelector.parse(written))).toEqual(written);
  expect(HostSelector.parse({ machine: true })).toEqual({ machine: true });
});

describe('refusals say where and what to write', () => {
  const cases: readonly (readonly [string, unknown, RegExp])[] = [
    ['nothing selected', {}, /^: says nothing.*`name: nginx`.*`machine: true`/],
    ['no parent selected', { parent: {} }, /^parent: says nothing/],
    ['a misspelled key', { nam: 'x' }, /Unrecognized key: "nam"/],
    ['lookahead, which RE2 lacks', { command: 're2:a(?=b)' }, /^command: .*RE2.*`\(\?=`/],
    ['lookbehind', { command: 're2:(?<!a)b' }, /^command: .*RE2.*`\(\?<!a\)b`/],
    ['a back-reference', { name: ['ok', 're2:(a)\\1'] }, /^name\.1: .*RE2.*`\\1`/],
    ['an open bracket', { env: { A: 're2:(' } }, /^env\.A: .*missing closing \)/],
    ['an empty list', { name: [] }, /^name: the list is empty: write a process name/],
    ['an empty text', { exe: '' }, /^exe: must not be empty/],
    ['a number as a name', { name: 5 }, /^name: write a process name, or a list/],
    ['a port out of range', { port: 70_000 }, /^port: a port is 1 to 65535/],
    ['half a pid', { pid: 1.5 }, /^pid: write a pid, or a list/],
    ['a duration without a unit', { minAge: '5' }, /^minAge: not a duration/],
    ['an impossible age', { minAge: '2h', maxAge: '1h' }, /^minAge: .*nothing can match/],
    ['the machine and more', { machine: true, name: 'x' }, /^machine: .*cannot be combined with name/],
    ['the machine as a parent', { parent: { machine: true } }, /^parent: the host itself is no parent/],
    ['no machine', { machine: false }, /^machine: write `machine: true`/],
  ];
  test.each(cases)('%s', (_, given, expected) => {
    expect(problems(given)).toHaveLength(1);
    expect(problems(given)[0]).toMatch(expected);
  });
});

test('every key is documented in the JSON Schema', () => {
  const schema = z.toJSONSchema(HostSelector, { io: 'input' });
  const keys = Object.entries(schema.properties ?? {});
  expect(keys.length).toBeGreaterThan(10);
  expect(keys.filter(([, value]) => typeof value === 'boolean' || !value.description)).toEqual([]);
});
