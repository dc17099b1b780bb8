import fc from 'fast-check';
import { expect, test } from 'vitest';
import { farSlower } from './outliers.ts';

const minute = 60_000;

test('CM-30 one minute, one minute, nine minutes: the third is told, with what is usual', () => {
  expect(farSlower([minute, 1.1 * minute, 9 * minute], 1000)).toEqual([
    { index: 2, time: 9 * minute, usual: 1.05 * minute },
  ]);
});

test.each<[string, readonly (number | null)[], readonly number[]]>([
  ['not three times as long', [1000, 1100, 3000], []],
  ['more than three times', [1000, 1100, 3400], [2]],
  ['wherever it stands', [9000, 1000, 1100, 1050], [0]],
  ['the others scatter as far', [500, 3000, 7000], []],
  ['within what two readings may be off', [0, 0, 190], []],
  ['steady at once, but for one', [0, 0, 5000], [2]],
  ['two of ten', [9000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 9000, 1000], [0, 8]],
  ['one never came', [1000, 1100, null], [2]],
  ['two never came: then it is not the odd one', [1000, null, null], []],
  ['two are nothing to compare with', [1000, 60_000], []],
  ['none', [], []],
])('%s', (_, times, expected) => {
  expect(farSlower(times, 200).map(({ index }) => index)).toEqual(expected);
});

test('of any times, fewer than half are far slower than the others, and none of the fast half', () => {
  const times = fc.array(fc.option(fc.integer({ min: 0, max: 1e6 })), { maxLength: 12 });
  fc.assert(
    fc.property(times, (given) => {
      const found = farSlower(given, 100);
      expect(found.length).toBeLessThanOrEqual(given.length / 2);
      const slowest = (each: number | null) => each ?? Number.POSITIVE_INFINITY;
      const sorted = given.map(slowest).sort((a, b) => a - b);
      for (const { time } of found)
        expect(slowest(time)).toBeGreaterThan(sorted[Math.floor((given.length - 1) / 2)] ?? 0);
    }),
  );
});
