import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { type FileHandle, open, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from './programs.ts';
import { payloadBytes } from './recipe.ts';
import { LabError } from './say.ts';

/** Packages of the checkout that no test in the guest needs; they are most of its bytes. */
const leftAtHome: readonly string[] = [
  '@biomejs',
  '@typescript',
  'typescript',
  'playwright-core',
  '.cache',
  '.zashiki-test',
];

/** A disk that goes into a guest: an open file without a name, so that nothing of it can be left behind. */
export async function emptyPayload(): Promise<FileHandle> {
  return await nameless(async () => {});
}

/** Files of the checkout as a disk: all that git knows or would add, `dist`, and the packages that tests need. */
export async function checkoutPayload(checkout: string, signal: AbortSignal): Promise<FileHandle> {
  const listing = ['git', '-c', 'safe.directory=*', 'ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  const listed = await run(listing, { cwd: checkout, signal }).catch((cause: Error) => {
    throw new LabError(`the files of ${checkout} cannot be listed: ${cause.message}`, 'the lab takes a git checkout');
  });
  // Files that are deleted but not yet committed are still listed.
  const files = listed.split('\0').filter((name) => name && existsSync(join(checkout, name)));
  const built = ['dist', 'node_modules'].filter((name) => existsSync(join(checkout, name)));
  return await nameless(async (output) => {
    const excluded = leftAtHome.map((name) => `--exclude=node_modules/${name}`);
    const quiet = ['--owner=0', '--group=0', '--ignore-failed-read', '--warning=no-file-changed'];
    const tar = ['tar', '-C', checkout, '-cf', '-', ...quiet, '--anchored', ...excluded, '--null', '-T', '-'];
    // 1: a file changed while it was read, as happens in a checkout that is being worked on.
    await run(tar, { signal, output, input: [...files, ...built].join('\0'), accept: [0, 1] });
  });
}

async function nameless(fill: (descriptor: number) => Promise<void>): Promise<FileHandle> {
  const path = join(tmpdir(), `zashiki-lab-${randomUUID()}`);
  const writing = await open(path, 'wx', 0o600);
  // QEMU takes a descriptor only if it is as read-only as the disk is.
  const reading = await open(path, 'r').finally(() => unlink(path));
  try {
    await fill(writing.fd);
    const { size } = await writing.stat();
    if (size > payloadBytes) {
      const megabytes = (bytes: number) => `${Math.round(bytes / 1e6)} MB`;
      const message = `the checkout is ${megabytes(size)}, the disk for it ${megabytes(payloadBytes)}`;
      throw new LabError(message, 'is there a large file that git neither has nor ignores?');
    }
    await writing.truncate(payloadBytes);
    return reading;
  } catch (error) {
    await reading.close();
    throw error;
  } finally {
    await writing.close();
  }
}
