import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { probes } from './index.ts';

const files = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts') && !['index.ts', 'probe.ts'].includes(file))
  .map((file) => file.replace(/\.ts$/, ''));

test('the list holds every probe of the folder, by its file name', () => {
  expect(probes.map((probe) => probe.id)).toEqual(files.sort());
});

test.each(probes.map((probe) => [probe.id, probe] as const))(
  '%s: schemas and defaults are plain JSON',
  (_id, probe) => {
    const tolerance: unknown = probe.tolerance.parse(undefined);
    expect(JSON.parse(JSON.stringify(tolerance))).toEqual(tolerance);
    for (const schema of [probe.params, probe.tolerance]) {
      expect(z.toJSONSchema(schema, { io: 'input' })).toHaveProperty('$schema');
    }
    expect(probe.summary).toMatch(/\.$/);
  },
);

test.each(probes.map((probe) => [probe.id, probe] as const))('%s: an error is never within tolerance', (_id, probe) => {
  expect(probe.judge({ value: null, error: 'it broke' }, probe.tolerance.parse(undefined))).toBe('it broke');
  if (probe.brief) expect(() => probe.brief?.(null)).not.toThrow();
});
