import { expect, test } from 'vitest';
import { chartFiles, staleChart } from '../scripts/gen-chart.ts';

test('the chart on disk is what the sources say', () => {
  expect(staleChart()).toEqual([]);
  expect(Object.keys(chartFiles()).filter((name) => name.startsWith('crds/'))).toHaveLength(13);
});
