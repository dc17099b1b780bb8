import { expect, test } from 'vitest';
import { editDistance, nearest } from './nearest.ts';

test('counts edits, a swap of neighbors as one', () => {
  expect(editDistance('signl', 'signal')).toBe(1);
  expect(editDistance('singal', 'signal')).toBe(1);
  expect(editDistance('', 'abc')).toBe(3);
});

test('names the nearest spelling, or none when all are far', () => {
  expect(nearest('proces-kil', ['process-kill', 'process-stop'])).toBe('process-kill');
  expect(nearest('zzz', ['process-kill', 'cpu-stress'])).toBeUndefined();
});
