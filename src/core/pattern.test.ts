import { expect, test } from 'vitest';
import { containsPattern, equalsPattern, Pattern, patternProblem } from './pattern.ts';

test('plain text is equal or contained, re2: is searched', () => {
  expect(equalsPattern('nginx', 'nginx')).toBe(true);
  expect(equalsPattern('nginx', 'nginx: worker')).toBe(false);
  expect(equalsPattern('re2:gin', 'nginx')).toBe(true);
  expect(equalsPattern('re2:^gin', 'nginx')).toBe(false);
  expect(equalsPattern('a.c', 'abc')).toBe(false);
  expect(containsPattern('gin', 'nginx')).toBe(true);
  expect(containsPattern('re2:n$', 'nginx')).toBe(false);
  expect(equalsPattern('re2:', 'anything')).toBe(true);
});

test('what RE2 does not have is refused with the place', () => {
  expect(patternProblem('re2:(')).toBe('not an RE2 expression: missing closing ): `(`');
  expect(patternProblem('re2:(?=a)')).toMatch(/^not an RE2 expression: .*\(\?=/);
  expect(patternProblem('re2:(a)\\1')).toMatch(/^not an RE2 expression: .*\\1/);
  expect(patternProblem('(')).toBeUndefined();
  expect(Pattern.safeParse('re2:[').error?.issues[0]?.message).toMatch(/^not an RE2 expression/);
});

test('an expression that would take a backtracking engine ages is quick', () => {
  expect(equalsPattern('re2:^(a+)+$', `${'a'.repeat(5000)}b`)).toBe(false);
});
