import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { LabError, type Say } from './say.ts';

/** Where images are kept: `zashiki/lab-vm` in the user's cache folder. */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  return join(env.XDG_CACHE_HOME || join(env.HOME || homedir(), '.cache'), 'zashiki', 'lab-vm');
}

/** How many images are kept, newest use first; an image is about 1 GB. */
const kept = 2;

/** An image that is whole. `manifest.json` is written last, so a folder without it is none. */
export interface Image {
  readonly folder: string;
  readonly key: string;
  readonly manifest: Manifest;
}

/** What an image was made of. */
export interface Manifest {
  readonly node: string;
  readonly qemu: string;
  readonly kernel: string;
  /** Container images of its Docker engine. */
  readonly images: readonly string[];
  readonly builtAt: string;
}

/** The image of this key, or nothing. */
export async function findImage(cache: string, key: string): Promise<Image | undefined> {
  const folder = join(cache, key);
  try {
    return { folder, key, manifest: JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8')) as Manifest };
  } catch {
    return undefined;
  }
}

/** All whole images, the one used last first. */
export async function listImages(cache: string): Promise<readonly (Image & { readonly usedAt: Date })[]> {
  const names = await readdir(cache).catch(() => []);
  const found = await Promise.all(
    names.map(async (name) => {
      const image = await findImage(cache, name);
      return image ? [{ ...image, usedAt: (await stat(join(image.folder, 'manifest.json'))).mtime }] : [];
    }),
  );
  return found.flat().sort((a, b) => b.usedAt.getTime() - a.usedAt.getTime());
}

/** Note that an image was used; an image of somebody else is used without a note. */
export async function touchImage({ folder }: Image): Promise<void> {
  await utimes(join(folder, 'manifest.json'), new Date(), new Date()).catch(() => {});
}

/**
 * Build into a folder of our own, and give it its name once it is whole. Only one builds at a time, others wait for it.
 * What builders that died left behind is removed first, and images that were not used for long afterwards.
 */
export async function buildOnce(
  { cache, key, say, signal }: { cache: string; key: string; say: Say; signal: AbortSignal },
  build: (folder: string) => Promise<Manifest>,
): Promise<Image> {
  await mkdir(cache, { recursive: true, mode: 0o700 }).catch((cause: Error) => {
    throw new LabError(`cannot make ${cache}: ${cause.message}`, 'set XDG_CACHE_HOME to a folder of yours', { cause });
  });
  const release = await lock(cache, say, signal);
  const folder = join(cache, `building-${randomUUID()}`);
  try {
    const meanwhile = await findImage(cache, key);
    if (meanwhile) return meanwhile;
    await removeHalves(cache);
    await mkdir(folder);
    const manifest = await build(folder);
    await writeFile(join(folder, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
    await remove(join(cache, key));
    await rename(folder, join(cache, key));
    for (const old of (await listImages(cache)).slice(kept)) await remove(old.folder);
    return { folder: join(cache, key), key, manifest };
  } finally {
    await remove(folder);
    await release();
  }
}

/** Remove what builders that died left behind, unless somebody builds right now. */
export async function sweep(cache: string): Promise<void> {
  const release = await tryLock(cache);
  if (release) await removeHalves(cache).finally(release);
}

async function removeHalves(cache: string): Promise<void> {
  for (const name of await readdir(cache)) if (name.startsWith('building-')) await remove(join(cache, name));
}

/** Remove a folder of ours. An image in use lives on until its last guest ends: it has the files open. */
export const remove = (folder: string): Promise<void> => rm(folder, { recursive: true, force: true, maxRetries: 3 });

type Release = () => Promise<void>;

async function lock(cache: string, say: Say, signal: AbortSignal): Promise<Release> {
  for (let told = false; ; told = true) {
    signal.throwIfAborted();
    const release = await tryLock(cache);
    if (release) return release;
    if (!told) say('an image is being built by somebody else, waiting for it');
    await sleep(300, undefined, { signal }).catch(() => {});
  }
}

/** Hold a name that one process can have at a time; the kernel frees it when its owner ends, however it ends. */
async function tryLock(cache: string): Promise<Release | undefined> {
  const name = `\0zashiki-lab-vm-${createHash('sha256').update(cache).digest('hex').slice(0, 16)}`;
  const server = createServer();
  const error = await new Promise<NodeJS.ErrnoException | undefined>((resolve) => {
    server.once('error', resolve);
    server.listen(name, () => resolve(undefined));
  });
  if (!error) return () => new Promise((resolve) => server.close(() => resolve()));
  if (error.code === 'EADDRINUSE') return undefined;
  throw error;
}
