import { readFileSync, readlinkSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { EpochMs } from '../core/model.ts';
import { syncFolder, unwritable } from './state.ts';

/*
 * The lever is a symbolic link whose text says who pulled it and why. Like the locks it needs no free block on disk, so
 * that it can be pulled while our own fault has filled the disk. Whatever lies there under its name counts as pulled.
 */

/** The stop lever as it is pulled: who did it, why and when. */
export interface PulledLever {
  readonly reason: string;
  readonly by: string;
  readonly at: EpochMs;
}

const file = 'stop.json';
/** What every file system takes as the text of a link (XFS has the lowest limit, 1024). */
const longest = 1000;
/** Up to here the text needs no block: it is stored in the inode. */
const inInode = 59;

/**
 * Pull the stop lever, on disk when this returns: every run ends now, none begins. The reason is shortened to what a
 * link can hold. Throws `state-unwritable`, but not when it was pulled before.
 */
export function pullLever(state: string, reason: string, by: string, at: EpochMs = Date.now()): void {
  const path = join(state, file);
  try {
    try {
      place(encode({ reason, by, at }, longest), path);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOSPC' && code !== 'EDQUOT' && code !== 'ENAMETOOLONG') throw error;
      place(encode({ reason, by, at }, inInode), path);
    }
    syncFolder(state);
  } catch (error) {
    if (!readLever(state)) throw unwritable(error, path, 'the stop lever');
  }
}

/** Let go of the stop lever; false when it was not pulled. Throws `state-unwritable`. */
export function releaseLever(state: string): boolean {
  try {
    rmSync(join(state, file));
    syncFolder(state);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw unwritable(error, join(state, file), 'the stop lever');
  }
}

/** The stop lever, or null. A lever that cannot be read counts as pulled: the safe side. */
export function readLever(state: string): PulledLever | null {
  const path = join(state, file);
  try {
    const text = textOf(path);
    return decode(text) ?? { reason: `the stop lever ${path} is not readable`, by: 'unknown', at: 0 };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    return { reason: `the stop lever ${path} is not readable (${code})`, by: 'unknown', at: 0 };
  }
}

function textOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch (error) {
    // An ordinary file: made by hand, or by an earlier version.
    if ((error as NodeJS.ErrnoException).code === 'EINVAL') return readFileSync(path, 'utf8');
    throw error;
  }
}

/** Put a link in the place of whatever is there, in one step. */
function place(text: string, path: string): void {
  const draft = `${path}.${process.pid}.draft`;
  try {
    rmSync(draft, { force: true });
    symlinkSync(text, draft);
    renameSync(draft, path);
  } catch (error) {
    rmSync(draft, { force: true });
    // It quotes the whole text of the link, which has several lines.
    if (error instanceof Error) error.message = error.message.replace(/, symlink .*$/s, '');
    throw error;
  }
}

/** Three lines, AT, BY and REASON, in at most so many bytes. */
function encode({ reason, by, at }: PulledLever, bytes: number): string {
  const space = bytes - `${at}`.length - 2;
  const who = cut(by.replaceAll(/[\0\n]/g, ' '), Math.floor(space / 2));
  return `${at}\n${who}\n${cut(reason.replaceAll('\0', ' '), space - Buffer.byteLength(who))}`;
}

function decode(text: string): PulledLever | null {
  const parts = /^(-?[\d.]+)\n([^\n]*)\n(.*)$/s.exec(text);
  if (parts) return { reason: parts[3] || 'no reason given', by: parts[2] || 'unknown', at: Number(parts[1]) };
  try {
    const { reason, by, at } = JSON.parse(text) as Partial<PulledLever>;
    return { reason: String(reason ?? 'no reason given'), by: String(by ?? 'unknown'), at: Number(at ?? 0) };
  } catch {
    return null;
  }
}

/** The longest beginning that fits, in whole letters. */
function cut(text: string, bytes: number): string {
  if (Buffer.byteLength(text) <= bytes) return text;
  let kept = '';
  let used = 3;
  for (const letter of text) {
    used += Buffer.byteLength(letter);
    if (used > bytes) break;
    kept += letter;
  }
  return `${kept}…`;
}
