import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { Bytes, Duration, Share } from '../core/fields.ts';
import { examine } from './explain.ts';
import { formatPath } from './problem.ts';

const say = (schema: z.ZodType, value: unknown) =>
  examine(schema, value).findings.map(({ path, message }) => `${formatPath(path)}: ${message}`);

const Server = z.strictObject({ host: z.string(), port: z.int().max(65535) });

describe('one sentence for each kind of mistake', () => {
  test.each<[string, z.ZodType, unknown, string]>([
    ['type', z.string(), 3, ': must be a text, not 3'],
    ['whole number', z.int(), 1.5, ': must be a whole number, not 1.5'],
    ['missing key', Server, { port: 1 }, 'host: missing: a text is needed here'],
    [
      'unknown key',
      Server,
      { host: 'a', port: 1, prot: 2 },
      'prot: unknown key "prot"; did you mean "port"? allowed: host, port',
    ],
    ['no keys', z.strictObject({}), { a: 1 }, 'a: unknown key "a"; no keys are allowed here'],
    ['bound', Server, { host: 'a', port: 70000 }, 'port: must be at most 65535, not 70000'],
    ['exclusive bound', z.number().gt(0), 0, ': must be more than 0, not 0'],
    ['multiple', z.number().multipleOf(5), 7, ': must be a multiple of 5, not 7'],
    ['short text', z.string().min(1), '', ': must not be empty'],
    ['long text', z.string().max(3), 'abcd', ': must have at most 3 characters, not 4'],
    ['short list', z.array(z.string()).min(2), ['a'], ': needs at least 2 entries, and has 1'],
    ['enum', z.enum(['all', 'any']), 'al', ': must be one of all, any; not "al"; did you mean "all"?'],
    ['literal', z.literal(true), 'yes', ': must be true; not "yes"'],
    ['format', z.url(), 'x', ': not a URL: write it in full, like http://127.0.0.1:8080/; got "x"'],
    ['duration', Duration, 5, ': must be a duration such as 250ms, 2s, 1h30m, not 5'],
    [
      'duration text',
      Duration,
      '5 sec',
      ': not a duration: write a number with a unit, like 250ms, 2s or 1h30m; got "5 sec"',
    ],
    ['bytes', Bytes, [], ': must be a bytes such as 64MiB, 1GB, not an empty list'],
    ['share', Share, '200%', ': a percentage lies between 0% and 100%; got "200%"'],
    ['own message', z.string().refine(() => false, 'too odd'), 'x', ': too odd; got "x"'],
    ['own message with value', z.string().refine(() => false, '"x" is odd'), 'x', ': "x" is odd'],
    ['record key', z.record(z.string().regex(/^a/, 'begins with a'), z.number()), { b: 1 }, 'b: begins with a'],
    ['null', z.string(), null, ': must be a text, not nothing (null)'],
    [
      'throwing refinement',
      z.string().refine(() => {
        throw new Error('boom');
      }),
      'x',
      ': not valid: boom',
    ],
  ])('%s', (_, schema, value, expected) => {
    expect(say(schema, value)).toEqual([expected]);
  });
});

describe('unions speak of the branch that was meant', () => {
  const scalar = z.union([z.int(), z.string().regex(/^[1-5]xx$/)], { error: 'not a status: write 200 or 2xx' });
  const status = z.union([scalar, z.array(scalar)]);
  test.each<[string, z.ZodType, unknown, string]>([
    [
      'no branch takes the kind',
      z.union([z.string(), z.number()]),
      [],
      ': must be a text or a number, not an empty list',
    ],
    ['missing', z.union([z.string(), z.number()]), undefined, ': missing: a text or a number is needed here'],
    [
      'literals',
      z.union([z.literal('on'), z.literal('off')]),
      'offf',
      ': must be on or off, not "offf"; did you mean "off"?',
    ],
    ['the list branch', z.union([Server, z.array(Server)]), [{ host: 1, port: 1 }], '[0].host: must be a text, not 1'],
    [
      'the map branch',
      z.union([Server, z.string()]),
      { hst: 'a', port: 1, host: 'b' },
      'hst: unknown key "hst"; did you mean "host"? allowed: host, port',
    ],
    [
      'the nearest map',
      z.union([Server, z.strictObject({ path: z.string() })]),
      { path: 1 },
      'path: must be a text, not 1',
    ],
    ['a form', status, 'x', ': must match /^[1-5]xx$/, not "x"'],
    ['its own message', scalar, {}, ': not a status: write 200 or 2xx'],
    ['unions in unions', status, {}, ': must be a number, a text or a list, not a map'],
    ['a form inside a list', status, [200, 'x'], '[1]: must match /^[1-5]xx$/, not "x"'],
    [
      'a map beside a scalar',
      z.union([z.strictObject({ status }), status]),
      { status: [200, 'x'] },
      'status[1]: must match /^[1-5]xx$/, not "x"',
    ],
    [
      'by a discriminator',
      z.discriminatedUnion('type', [z.object({ type: z.literal('a') }), z.object({ type: z.literal('b') })]),
      { type: 'c' },
      'type: must be one of a, b; not "c"; did you mean "a"?',
    ],
  ])('%s', (_, schema, value, expected) => {
    expect(say(schema, value)).toEqual([expected]);
  });
});

test('all mistakes are told, not only the first', () => {
  expect(say(Server, { hots: 1, port: 'x' })).toHaveLength(3);
});
