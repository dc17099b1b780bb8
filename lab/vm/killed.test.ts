import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { ingredients } from './build.ts';
import { cacheFolder, findImage } from './cache.ts';
import { missing, toRun } from './programs.ts';
import { imageKey, recipeText } from './recipe.ts';

const unable = await lacks();

async function lacks(): Promise<string | null> {
  const programs = missing(toRun);
  if (programs.length > 0) return `not installed: ${programs.join(', ')}`;
  const key = imageKey(await ingredients(recipeText(), new AbortController().signal));
  return (await findImage(cacheFolder(), key)) ? null : 'no image of the guest; npm run lab:vm -- --build makes it';
}

/** The guest of a lab: QEMU, which it started. */
const guestOf = (lab: number): number | undefined =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .find((pid) => {
      try {
        const [, name, parent] = /\((.*)\) \S (\d+) /.exec(readFileSync(`/proc/${pid}/stat`, 'latin1')) ?? [];
        return name?.startsWith('qemu-system') && Number(parent) === lab;
      } catch {
        return false;
      }
    });

test.for(['SIGTERM', 'SIGKILL'] as const)(
  'a lab that gets %s leaves no guest and no file',
  { timeout: 180_000 },
  async (signal, context) => {
    if (unable) return context.skip(unable);
    const own = await mkdtemp(join(tmpdir(), 'zashiki-killed-'));
    onTestFinished(() => rm(own, { recursive: true }));
    const args = ['--import', 'tsx', join(import.meta.dirname, 'main.ts'), '--bare', 'sleep', '1000'];
    const env = { ...process.env, TMPDIR: own, TSX_DISABLE_CACHE: '1' };
    const lab = spawn(process.execPath, args, { stdio: 'ignore', env });
    onTestFinished(() => void lab.kill('SIGKILL'));
    let guest: number | undefined;
    await expect.poll(() => (guest = guestOf(lab.pid ?? 0)), { timeout: 60_000 }).toBeDefined();
    const ended = once(lab, 'exit');
    lab.kill(signal);
    await ended;
    await expect.poll(() => existsSync(`/proc/${guest}`), { timeout: 60_000 }).toBe(false);
    expect(await readdir(own)).toEqual([]);
  },
);
