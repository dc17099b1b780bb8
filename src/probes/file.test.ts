import { chmod, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Json } from '../core/model.ts';
import probe from './file.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zashiki-file-'));
  await writeFile(join(folder, 'log'), 'started\nready to serve\n');
  await writeFile(join(folder, 'old'), 'x');
  await utimes(join(folder, 'old'), new Date(), new Date(Date.now() - 3_600_000));
  await writeFile(join(folder, 'long'), `${'x'.repeat(70_000)}needle`);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const never = new AbortController().signal;
const context = { count: async () => 0 };
const read = (path: string) => probe.read(probe.params.parse({ path }), never, context);
const look = async (name: string, tolerance?: Json) =>
  probe.judge(await read(join(folder, name)), probe.tolerance.parse(tolerance));

test.each<[string, Json | undefined, string | RegExp | null]>([
  ['log', undefined, null],
  ['none', undefined, 'it does not exist'],
  ['log/none', undefined, 'it does not exist'],
  ['none', { exists: false }, null],
  ['log', { exists: false }, 'it exists'],
  ['log', { minSize: 23, maxSize: '1KiB' }, null],
  ['log', { minSize: '1KiB' }, 'size in bytes: 23 is below 1024'],
  ['log', { maxSize: 22 }, 'size in bytes: 23 is above 22'],
  ['log', { contains: 'ready' }, null],
  ['log', { contains: 're2:(?m)^ready' }, null],
  ['log', { contains: 'panic' }, '"panic" not found: content "started ready to serve"'],
  ['long', { contains: 'needle' }, /^"needle" not found: first 64 KiB "x/],
  ['.', { contains: 'x' }, '"x" not found: it is not a regular file'],
  ['old', { maxAge: '2h' }, null],
  ['old', { maxAge: '30m' }, /^last changed 36\d+ ms ago, at most 1800000 ms wanted$/],
])('%s held against %j', async (name, tolerance, expected) => {
  const why = await look(name, tolerance);
  if (expected instanceof RegExp) expect(why).toMatch(expected);
  else expect(why).toBe(expected);
});

test('no permission is an error', async (ctx) => {
  if (process.getuid?.() === 0) ctx.skip('root may read everything');
  await writeFile(join(folder, 'secret'), 'x');
  await chmod(join(folder, 'secret'), 0);
  expect(await read(join(folder, 'secret'))).toMatchObject({
    error: `no permission to read ${join(folder, 'secret')}`,
  });
});

test('the journal keeps no content', async () => {
  const { value } = await read(join(folder, 'log'));
  expect(probe.brief?.(value)).toEqual({ exists: true, size: 23, age: expect.any(Number) });
});
