import { type BigIntStats, constants } from 'node:fs';
import { type FileHandle, lstat, mkdir, open, readdir, rename, rm, rmdir, stat } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { ZashikiError } from '../../core/errors.ts';

/** The errno name of a thrown thing, or undefined. */
export const errno = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;

const permission: readonly string[] = ['EACCES', 'EPERM'];

/** A failed file operation in words: what was tried, on which path, what is missing. */
export function diskError(error: unknown, doing: string, path: string): unknown {
  if (error instanceof ZashikiError) return error;
  const code = errno(error);
  if (code === undefined) return error;
  if (permission.includes(code)) {
    const who = `uid ${process.getuid?.() ?? userInfo().username}`;
    return new ZashikiError('permission-missing', `cannot ${doing} ${path}: not permitted for ${who} (${code})`, {
      hint: 'run as the owner of the file, or with CAP_DAC_OVERRIDE and CAP_FOWNER; an immutable file (chattr +i) refuses everybody',
      cause: error,
    });
  }
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return new ZashikiError('file-unreadable', `cannot ${doing} ${path}: it does not exist`, {
      hint: 'give the path as the target sees it, from the root',
      cause: error,
    });
  }
  // Not the path in Node's words: it may lead through a descriptor of ours, which tells nobody anything.
  const why = (error instanceof Error ? error.message : String(error)).replace(/ '\/proc\/self\/fd\/.*$/s, '');
  return new ZashikiError('inject-failed', `cannot ${doing} ${path}: ${why}`, { cause: error });
}

/** Run file operations; what they throw is told in words. */
export async function onDisk<T>(doing: string, path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw diskError(error, doing, path);
  }
}

/** Make renames and new names in a folder last; file systems that cannot sync a folder are let off. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => undefined);
  try {
    await handle?.sync().catch(() => undefined);
  } finally {
    await handle?.close();
  }
}

/** Make or replace a file of our own (mode 0600, folder 0700): on disk when this returns, and there whole or not at all. */
export async function writeWhole(path: string, write: (file: FileHandle) => Promise<unknown>): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const file = await open(`${path}.part`, 'w', 0o600);
  try {
    await write(file);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.part`, path);
  await syncFolder(dirname(path));
}

/** O_PATH, which Node does not name: a hold on what is at a path, without opening it for anything. */
export const O_PATH = 0o10000000;

/** Take hold of what is at the path itself (a link is not followed); undefined when nothing, or no folder, is there. */
export async function hold(path: string, flags = 0): Promise<FileHandle | undefined> {
  try {
    return await open(path, O_PATH | constants.O_NOFOLLOW | flags);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes(errno(error) ?? '')) return undefined;
    throw error;
  }
}

/** What is at the path itself (a link is not followed), or undefined when nothing is. */
export async function lookAt(path: string): Promise<BigIntStats | undefined> {
  try {
    return await lstat(path, { bigint: true });
  } catch (error) {
    if (errno(error) === 'ENOENT' || errno(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}

/**
 * Remove a folder with all in it, if it is the one that `isIt` knows. Its content is removed through a hold on it, so
 * that a link put in its place meanwhile leads nowhere.
 */
export async function removeFolder(path: string, isIt: (found: BigIntStats) => boolean): Promise<void> {
  const folder = await hold(path, constants.O_DIRECTORY);
  if (!folder) return;
  try {
    if (!isIt(await folder.stat({ bigint: true }))) return;
    const inside = `/proc/self/fd/${folder.fd}`;
    for (const name of await readdir(inside)) await rm(join(inside, name), { recursive: true, force: true });
    await rmdir(path);
  } finally {
    await folder.close();
  }
}

/** Throws unless the path is an existing folder (links are followed). */
export async function requireFolder(path: string): Promise<void> {
  const found = await onDisk('look at', path, () => stat(path));
  if (found.isDirectory()) return;
  throw new ZashikiError('not-supported', `${path} is not a folder`, { hint: 'name the folder, not a file in it' });
}
