import { spawnSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { buildFixture, start, temporaryFolder } from './fixtures/fixtures.ts';
import { pullLever, readLever, releaseLever } from './lever.ts';

let folder = '';
let remove = () => {};
beforeEach(() => {
  ({ folder, remove } = temporaryFolder());
});
afterEach(() => remove());

test('pulled, read, released', () => {
  expect(readLever(folder)).toBeNull();
  pullLever(folder, 'the shop burns', 'ann', 5);
  expect(readLever(folder)).toEqual({ reason: 'the shop burns', by: 'ann', at: 5 });
  pullLever(folder, 'still', 'bob', 6);
  expect(readLever(folder)?.reason).toBe('still');
  expect(releaseLever(folder)).toBe(true);
  expect(releaseLever(folder)).toBe(false);
  expect(readLever(folder)).toBeNull();
});

test('a lever that cannot be read counts as pulled', () => {
  writeFileSync(join(folder, 'stop.json'), '{"reason":');
  expect(readLever(folder)?.reason).toContain('not readable');
});

test('one that cannot be pulled: the reason of the error is one line, without what the lever would have said', () => {
  const path = join(folder, 'none');
  expect(() => pullLever(path, 'the shop burns', 'ann', 5)).toThrow(/^cannot write the stop lever [^\n]*ENOENT[^\n]*$/);
  expect(() => pullLever(path, 'the shop burns', 'ann', 5)).not.toThrow('burns');
});

test('no state folder: not pulled', () => {
  expect(readLever(join(folder, 'none'))).toBeNull();
});

test('a lever in a file, as it was once written or as a person makes one, counts', () => {
  writeFileSync(join(folder, 'stop.json'), '{"reason":"by hand","by":"eve","at":7}');
  expect(readLever(folder)).toEqual({ reason: 'by hand', by: 'eve', at: 7 });
  pullLever(folder, 'once more', 'bob', 8);
  expect(readLever(folder)).toEqual({ reason: 'once more', by: 'bob', at: 8 });
  expect(readdirSync(folder)).toEqual(['stop.json']);
});

test('any reason and any name can be pulled with; long ones are shortened', () => {
  for (const [reason, by] of [
    ['a/b\n"c" \u0000 d', 'chat: U 1/2'],
    ['', ''],
    ['日本'.repeat(5000), '名前'.repeat(500)],
  ] as const) {
    pullLever(folder, reason, by, 5);
    const lever = readLever(folder);
    expect(lever?.at).toBe(5);
    expect(lever?.reason).toBe(reason.length > 100 ? lever?.reason : reason.replace('\0', ' ') || 'no reason given');
    expect(lever?.by.length).toBeGreaterThan(0);
  }
  const lever = readLever(folder);
  expect(lever?.reason).toMatch(/^(日本)+日?…$/);
  expect(lever?.by).toMatch(/^(名前)+名?…$/);
});

test('it is pulled where no byte can be written into a file', async (context) => {
  const child = start(await buildFixture('lever', folder), [folder, 'the disk is full']);
  await child.ended;
  if (child.lines.includes('no prlimit')) context.skip('needs prlimit');
  expect(child.lines).toEqual(['pulled']);
  expect(readLever(folder)).toEqual({ reason: 'the disk is full', by: 'ann', at: 5 });
});

test('it is pulled on a file system that is really full', (context) => {
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k,mode=700', 'none', folder]);
  if (mounted.status !== 0) context.skip('needs to mount a tmpfs (root)');
  try {
    expect(() => writeFileSync(join(folder, 'filler'), Buffer.alloc(1 << 20))).toThrow(/ENOSPC/);
    pullLever(folder, 'because '.repeat(500), 'ann', 5);
    expect(readLever(folder)?.reason).toMatch(/^because .*…$/);
    expect(readLever(folder)?.by).toBe('ann');
  } finally {
    spawnSync('umount', ['-l', folder]);
  }
});
