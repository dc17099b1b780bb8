import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { type BigIntStats, constants } from 'node:fs';
import { type FileHandle, open, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { ZashikiError } from '../../core/errors.ts';
import { errno, lookAt } from './disk.ts';
import { findProgram } from './programs.ts';

/** Space of the file system under a folder that we could use (root may use what is reserved for it), in bytes. */
export async function freeBytes(folder: string): Promise<{ readonly free: number; readonly total: number }> {
  const { bsize, bavail, bfree, blocks } = await statfs(folder);
  return { free: bsize * (process.getuid?.() === 0 ? bfree : bavail), total: bsize * blocks };
}

/** What to fill. `folder` is a path that stays with one folder; `uid` is who makes the file. */
export interface Filling {
  readonly folder: string;
  readonly name: string;
  readonly bytes: number;
  readonly reserve: number;
  readonly uid: number;
  readonly signal: AbortSignal;
}

/** A file that we may have made: the name holds our tag, and nobody else can make one that is owned by us. */
export const isOurs = (found: BigIntStats | undefined, uid: number): boolean =>
  found?.isFile() === true && found.nlink === 1n && Number(found.uid) === uid;

/**
 * Make the file and fill it up to `bytes`; a file of ours that is there already is filled on. Ends early, without an
 * error, when the disk is full or only `reserve` bytes are free. Throws when aborted; the file then stays for recover.
 */
export async function fill(filling: Filling): Promise<void> {
  const file = await openOurs(filling);
  try {
    const { size } = await file.stat();
    if (size >= filling.bytes) return;
    filling.signal.throwIfAborted();
    if (size === 0 && (await allocate(file, filling.bytes, filling.signal))) return;
    await write(file, size, filling);
  } finally {
    await file.close();
  }
}

async function openOurs({ folder, name, uid }: Filling): Promise<FileHandle> {
  const { O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK } = constants;
  const path = join(folder, name);
  try {
    return await open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  } catch (error) {
    if (errno(error) !== 'EEXIST') throw error;
    const foreign = new ZashikiError('inject-failed', `${name} is there already, and is not a file of ours`, {
      cause: error,
    });
    if (!isOurs(await lookAt(path), uid)) throw foreign;
    const file = await open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK);
    // Looked at once more, now that it is open: the name may have been given to another file.
    if (isOurs(await file.stat({ bigint: true }), uid)) return file;
    await file.close();
    throw foreign;
  }
}

/** True when the file system has set the space aside at once; false when it must be written. */
async function allocate(file: FileHandle, bytes: number, signal: AbortSignal): Promise<boolean> {
  const program = findProgram('fallocate');
  if (!program) return false;
  // By descriptor, not by name: the program makes a file that is not there, and recover may have deleted ours.
  const args = ['--length', String(bytes), '/proc/self/fd/3'];
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'ignore', file.fd], signal });
  const done = await new Promise<boolean>((resolve) => {
    child.once('error', () => resolve(false));
    child.once('exit', (code) => resolve(code === 0));
  });
  signal.throwIfAborted();
  return done;
}

async function write(file: FileHandle, from: number, { folder, bytes, reserve, signal }: Filling): Promise<void> {
  // Not zeros: some file systems store those for nothing.
  const chunk = randomBytes(1 << 20);
  for (let at = from; at < bytes; ) {
    signal.throwIfAborted();
    if ((await freeBytes(folder)).free - chunk.length < reserve && reserve > 0) return;
    try {
      const { bytesWritten } = await file.write(chunk, 0, Math.min(chunk.length, bytes - at), at);
      at += bytesWritten;
    } catch (error) {
      if (errno(error) === 'ENOSPC' || errno(error) === 'EDQUOT') return;
      throw error;
    }
  }
  await file.sync();
}
