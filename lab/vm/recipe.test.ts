import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { buildOnce, cacheFolder, findImage, listImages, sweep } from './cache.ts';
import { descriptors, imageKey, qemuArguments, recipeText } from './recipe.ts';

const manifest = { node: 'v1', qemu: 'q', kernel: 'k', images: [], builtAt: '2026-01-01T00:00:00Z' };

async function emptyCache(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'zashiki-lab-test-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}

test('another recipe, Node or QEMU is another image; the same is the same', () => {
  const base = { node: 'v20.19.0', qemu: 'QEMU 7.2', recipe: recipeText() };
  const keys = [base, { ...base, node: 'v22.0.0' }, { ...base, qemu: 'QEMU 9' }, { ...base, recipe: 'x' }].map(
    imageKey,
  );
  expect(new Set(keys).size).toBe(4);
  expect(imageKey({ ...base })).toBe(keys[0]);
  expect(keys[0]).toMatch(/^[0-9a-f]{16}$/);
});

test('the recipe is everything that goes into the image', () => {
  const text = recipeText();
  for (const part of ['#!/usr/bin/perl', 'mmdebstrap', 'virtio_blk', 'zashiki-lab/busybox'])
    expect(text).toContain(part);
});

test('a restored guest has the very devices of the one that was saved', () => {
  const [boot, clone] = [qemuArguments('power-on'), qemuArguments('state')];
  expect(clone.slice(0, boot.length)).toEqual(boot);
  expect(clone.slice(boot.length)).toEqual(['-incoming', `fd:${descriptors.state}`]);
  expect(boot.join(' ')).not.toMatch(/netdev|-nic/);
});

test('a guest with a disk has one device more, and only it is written to', () => {
  const devices = (all: readonly string[]) => all.filter((_, index) => all[index - 1] === '-device');
  const drives = (all: readonly string[]) => all.filter((_, index) => all[index - 1] === '-drive');
  const [plain, own] = [qemuArguments('power-on'), qemuArguments('disk')];
  expect(devices(own)).toEqual([...devices(plain), 'virtio-blk-pci,drive=disk']);
  expect(drives(plain).every((drive) => drive.includes('readonly=on'))).toBe(true);
  expect(drives(own).filter((drive) => !drive.includes('readonly=on'))).toEqual([expect.stringContaining('id=disk')]);
  expect(own.join(' ')).toContain('LAB_DISK=/dev/vdc');
  expect(plain.join(' ')).not.toContain('LAB_DISK');
});

test('the cache is where XDG says, else in the home folder', () => {
  expect(cacheFolder({ XDG_CACHE_HOME: '/c', HOME: '/h' })).toBe('/c/zashiki/lab-vm');
  expect(cacheFolder({ HOME: '/h' })).toBe('/h/.cache/zashiki/lab-vm');
});

test('an image has its name only when it is whole, and is built once', async () => {
  const cache = await emptyCache();
  const bench = { cache, key: 'k1', say: () => {}, signal: new AbortController().signal };
  await expect(buildOnce(bench, () => Promise.reject(new Error('cut short')))).rejects.toThrow('cut short');
  expect(await listImages(cache)).toEqual([]);
  let builds = 0;
  const build = async (folder: string) => {
    builds += 1;
    expect(await findImage(cache, 'k1')).toBeUndefined();
    await sweep(cache);
    await writeFile(join(folder, 'state'), 'x');
    return manifest;
  };
  const both = await Promise.all([buildOnce(bench, build), buildOnce(bench, build)]);
  expect(both.map(({ folder }) => folder)).toEqual([join(cache, 'k1'), join(cache, 'k1')]);
  expect(builds).toBe(1);
});

test('what a builder that died left behind is removed by the next one', async () => {
  const cache = await emptyCache();
  await mkdir(join(cache, 'building-old/work'), { recursive: true });
  await buildOnce({ cache, key: 'k1', say: () => {}, signal: new AbortController().signal }, async () => manifest);
  expect(await readdir(cache)).toEqual(['k1']);
  await mkdir(join(cache, 'building-old'));
  await sweep(cache);
  expect(await readdir(cache)).toEqual(['k1']);
});

test('only the two images used last are kept', async () => {
  const cache = await emptyCache();
  for (const key of ['k1', 'k2', 'k3']) {
    await buildOnce({ cache, key, say: () => {}, signal: new AbortController().signal }, async () => manifest);
  }
  const keys = (await listImages(cache)).map(({ key }) => key);
  expect(keys).toHaveLength(2);
  expect(keys).toContain('k3');
});
