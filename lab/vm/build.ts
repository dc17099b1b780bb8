import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Manifest } from './cache.ts';
import { remove } from './cache.ts';
import { run } from './programs.ts';
import { firstModules, type Ingredients } from './recipe.ts';
import { furnish, makeFirst, makeRoot } from './root.ts';
import { LabError, type Say } from './say.ts';
import { saveSnapshot } from './snapshot.ts';

/** Build a whole image in an empty folder: kernel, first file system, disk, snapshot. Needs root. */
export async function buildImage(
  folder: string,
  { node, qemu }: Ingredients,
  { say, signal }: { readonly say: Say; readonly signal: AbortSignal },
): Promise<Manifest> {
  if (process.getuid?.() !== 0) {
    const hint =
      'as root, once: sudo --preserve-env=HOME npm run lab:vm -- --build (running it afterwards needs no root)';
    throw new LabError('building the image needs root', hint);
  }
  if (process.arch !== 'x64')
    throw new LabError(`this lab is for amd64, not for ${process.arch}`, 'use an amd64 machine');
  const work = join(folder, 'work');
  await mkdir(work);
  const kernel = await makeRoot(work, say, signal);
  const images = await furnish(work, say, signal);
  await copyFile(join(work, 'kernel/boot', `vmlinuz-${kernel}`), join(folder, 'vmlinuz'));
  await makeFirst(work, join(folder, 'initrd.img'), firstModules, signal);
  const root = join(work, 'root');
  const megabytes = Number.parseInt(await run(['du', '-sm', root], { signal }), 10);
  say(`writing the disk (${megabytes} MB, Linux ${kernel})`);
  const size = `${Math.ceil(megabytes * 1.08) + 16}M`;
  const layout = ['-O', '^has_journal,^metadata_csum', '-m', '0', '-N', '40000', '-b', '4096'];
  await run(['mke2fs', '-q', '-t', 'ext4', ...layout, '-d', root, join(folder, 'root.ext4'), size], { signal });
  await remove(work);
  await saveSnapshot(folder, { say, signal });
  return { node, qemu, kernel, images, builtAt: new Date().toISOString() };
}

/** What the image of this machine would be made of. Throws a `LabError` when QEMU does not start. */
export async function ingredients(recipe: string, signal: AbortSignal): Promise<Ingredients> {
  const qemu = (await run(['qemu-system-x86_64', '--version'], { signal })).split('\n')[0] ?? '';
  return { node: process.version, qemu, recipe };
}

/** Hand an image that `sudo` built to the user who called it. */
export async function handOver(folder: string, signal: AbortSignal, env = process.env): Promise<void> {
  if (process.getuid?.() !== 0 || !env.SUDO_UID || !env.SUDO_GID) return;
  await run(['chown', '-R', `${Number(env.SUDO_UID)}:${Number(env.SUDO_GID)}`, folder], { signal });
}
