import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { capabilitySummaries } from '../capabilities/index.ts';
import { faults } from './index.ts';

const notFaults = ['contract.ts', 'fault.ts', 'index.ts'];
const ids = readdirSync(import.meta.dirname)
  .filter((name) => /^[^.]+\.ts$/.test(name) && !notFaults.includes(name))
  .map((name) => name.slice(0, -3))
  .sort();

test('the list is the folder, in order', () => {
  expect(faults.map(({ id }) => id)).toEqual(ids);
});

test.each(ids)('%s is listed under its file name', async (id) => {
  const { default: fault } = await import(/* @vite-ignore */ new URL(`./${id}.ts`, import.meta.url).href);
  expect(fault.id).toBe(id);
  expect(faults).toContain(fault);
});

test.each(ids)('%s has an example', (id) => {
  const folders = ['faults', 'docker', 'network', 'proxy', 'kubernetes'].map((name) =>
    join(import.meta.dirname, '../../examples', name),
  );
  expect(folders.some((folder) => existsSync(join(folder, `${id}.yaml`)))).toBe(true);
});

test.each(faults.map((fault) => [fault.id, fault] as const))(
  '%s describes itself and every parameter',
  (_id, fault) => {
    expect(fault.summary).toMatch(/^[A-Z].*\.$/);
    expect(fault.undoneBy).toMatch(/^\S/);
    expect(fault.needs.filter((need) => !(need in capabilitySummaries))).toEqual([]);
    const schema = z.toJSONSchema(fault.params, { io: 'input' }) as {
      properties?: Record<string, { description?: string }>;
    };
    for (const [name, { description }] of Object.entries(schema.properties ?? {})) {
      expect(description, `${fault.id}.${name}`).toMatch(/^\S.*\.$/);
      expect(description, `${fault.id}.${name}`).not.toMatch(/\n/);
    }
  },
);

test.each(faults.map((fault) => [fault.id, fault] as const))(
  '%s refuses a parameter that it does not know',
  (_id, fault) => {
    expect(fault.params.safeParse({ path: '/tmp', nice: 1, command: 'true', misspelled: 1 }).success).toBe(false);
  },
);
