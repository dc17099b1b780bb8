import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Json } from '../../core/model.ts';
import { parseJsonPath, selectJson } from './json-path.ts';

const select = (value: Json, text: string) => selectJson(value, parseJsonPath(text) ?? []);
const shop: Json = {
  items: [
    { n: 1, tags: ['a', 'b'] },
    { n: 2, tags: [] },
  ],
  'a.b': { "it's": true },
  none: null,
  _x$1: 3,
};

test.each<[string, readonly Json[]]>([
  ['$', [shop]],
  ['$.items[0].n', [1]],
  ['$.items[-1].n', [2]],
  ['$.items[*].n', [1, 2]],
  ['$.items[*].tags[*]', ['a', 'b']],
  ['$.items.*.n', [1, 2]],
  ["$['a.b']['it\\'s']", [true]],
  ['$["a.b"]["it\'s"]', [true]],
  ['$.none', [null]],
  ['$._x$1', [3]],
  ['$.none.deeper', []],
  ['$.items[9]', []],
  ['$.items.length', []],
  ['$.items[0].n.toString', []],
  ['$.constructor', []],
  ['$.__proto__', []],
  ["$['hasOwnProperty']", []],
])('%s', (path, found) => {
  expect(select(shop, path)).toEqual(found);
});

describe('what is not a path', () => {
  test.each([
    '',
    'items',
    '.items',
    '$items',
    '$.',
    '$..n',
    '$.items[',
    '$.items[1:2]',
    '$.items[?(@.n>1)]',
    '$.items[(1)]',
    "$['a",
    '$.a b',
    '$[1.5]',
  ])('%j', (text) => expect(parseJsonPath(text)).toBeUndefined());
});

test('any value can be reached by its quoted keys', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ minLength: 1 }), { maxLength: 5 }), fc.jsonValue(), (keys, leaf) => {
      const value = keys.reduceRight<Json>((inner, key) => Object.fromEntries([[key, inner]]), leaf as Json);
      const path = `$${keys.map((key) => `['${key.replace(/[\\']/g, '\\$&')}']`).join('')}`;
      expect(select(value, path)).toEqual([leaf]);
    }),
  );
});
