import { spawn } from 'node:child_process';
import type { FileHandle } from 'node:fs/promises';
import { findProgram } from './programs.ts';

/** Access and modification time in nanoseconds since 1970, as text: they are too large for a number. */
export type FileTimes = { readonly atimeNs: string; readonly mtimeNs: string };

/**
 * Set both times of an open file. Node itself is right to the microsecond; the rest is left to `touch`, where that is
 * installed.
 */
export async function setTimes(file: FileHandle, times: FileTimes): Promise<void> {
  await file.utimes(seconds(times.atimeNs), seconds(times.mtimeNs));
  const now = await file.stat({ bigint: true });
  if (String(now.mtimeNs) !== times.mtimeNs) await touch(file, '-m', times.mtimeNs);
  if (String(now.atimeNs) !== times.atimeNs) await touch(file, '-a', times.atimeNs);
}

/** Whether two times are the same as far as Node could have set them. */
export function sameTime(a: bigint, b: string): boolean {
  const apart = a - BigInt(b);
  return apart < 2000n && apart > -2000n;
}

/** In the middle of the microsecond: Node cuts off what is behind it, and a number is not exact to that point. */
const seconds = (ns: string): number => Number(BigInt(ns) / 1000n) / 1e6 + 5e-7;

async function touch(file: FileHandle, which: '-a' | '-m', ns: string): Promise<void> {
  const program = findProgram('touch');
  if (!program || BigInt(ns) < 0n) return;
  const date = `@${BigInt(ns) / 1_000_000_000n}.${String(BigInt(ns) % 1_000_000_000n).padStart(9, '0')}`;
  // By descriptor: the name may belong to another file by now.
  const args = ['-c', which, '-d', date, '/proc/self/fd/3'];
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'ignore', file.fd] });
  await new Promise<void>((resolve) => {
    child.once('error', () => resolve());
    child.once('exit', () => resolve());
  });
}
