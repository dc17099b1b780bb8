import { expect, test } from 'vitest';
import { readBudget, writeBudget } from './budget-flag.ts';

test.each([
  ['20', { count: 20 }],
  ['30%', { percent: 30 }],
  ['0.5%', { percent: 0.5 }],
])('%s', (text, budget) => {
  expect(readBudget(text)).toEqual(budget);
  expect(writeBudget(readBudget(text))).toBe(text);
});

test.each(['', '0', '1.5', '101%', '-1', 'half', '10 %'])('"%s" is refused', (text) => {
  expect(() => readBudget(text)).toThrow(/neither a number of targets nor a percentage/);
});
