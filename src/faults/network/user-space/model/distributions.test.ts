import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { type Deviations, normalTable, paretonormalTable, paretoTable } from './distributions.ts';

const tables = { normal: normalTable(), pareto: paretoTable(), paretonormal: paretonormalTable() };
const folders = ['/usr/lib/x86_64-linux-gnu/tc', '/usr/lib/aarch64-linux-gnu/tc', '/usr/lib/tc', '/usr/lib64/tc'];

const mean = (table: Deviations) => table.reduce((sum, value) => sum + value, 0) / table.length;
const spread = (table: Deviations) => {
  const middle = mean(table);
  return Math.sqrt(table.reduce((sum, value) => sum + (value - middle) ** 2, 0) / table.length);
};

test.for(Object.entries(tables))('%s is what iproute2 ships, to the last digit', ([name, table], context) => {
  const folder = folders.find((candidate) => existsSync(`${candidate}/${name}.dist`));
  if (!folder) return context.skip('needs the tables of iproute2');
  const shipped = readFileSync(`${folder}/${name}.dist`, 'utf8')
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .join(' ')
    .trim()
    .split(/\s+/)
    .map(Number);
  expect(table.map((value) => Math.round(value * 8192))).toEqual(shipped);
});

test('a table ascends, and its mean is near 0', () => {
  for (const table of Object.values(tables)) {
    expect([...table].sort((a, b) => a - b)).toEqual(table);
    expect(Math.abs(mean(table))).toBeLessThan(0.04);
  }
});

test('a normal delay spreads by its jitter', () => {
  expect(spread(tables.normal)).toBeCloseTo(1, 2);
});
