import { closeSync, openSync, readdirSync, readlinkSync, readSync, statSync } from 'node:fs';
import type { CgroupLine, ProcLimits, ProcStat, ProcStatus } from './parse.ts';
import { parseCgroup, parseLimits, parseStat, parseStatus, splitNul } from './parse.ts';

export type LinkName = 'exe' | 'cwd' | 'root' | 'ns/mnt' | 'ns/pid' | 'ns/net' | `fd/${number}`;

/**
 * What the kernel tells about processes. Every read is synchronous: /proc never waits for a disk, and one call costs
 * a few microseconds where an asynchronous one costs a trip through the thread pool. All throw the bare errno error.
 */
export interface ProcFs {
  readonly root: string;
  /** Our own pid as this /proc numbers it. */
  self(): number;
  /** All pids, ascending. */
  pids(): readonly number[];
  stat(pid: number): ProcStat;
  status(pid: number): ProcStatus;
  /** The effective uid: the owner of /proc/PID, a tenth of the price of `status`. */
  owner(pid: number): number;
  /** The arguments; empty for kernel threads and zombies. */
  argv(pid: number): readonly string[];
  /** The environment that the process was started with; empty, and cheap, when `text` is nowhere in it. */
  environ(pid: number, text?: string): Readonly<Record<string, string>>;
  cgroup(pid: number): readonly CgroupLine[];
  limits(pid: number): ProcLimits;
  link(pid: number, name: LinkName): string;
  /** Numbered entries of a folder of the process, ascending. */
  numbers(pid: number, folder: 'task' | 'fd'): readonly number[];
  /** Any file below the root, whole. */
  text(path: string): string;
}

/** Open a /proc. Reads share one buffer, which grows with the largest file met. */
export function openProc(root = '/proc'): ProcFs {
  let buffer = Buffer.allocUnsafe(16_384);

  /**
   * The file, as a view that the next read overwrites. Files of one record come whole in one read; tables (`whole`)
   * come in pieces that end before the end of the file.
   */
  function read(path: string, whole = false): Buffer {
    const fd = openSync(path, 'r');
    try {
      let length = 0;
      for (;;) {
        const got = readSync(fd, buffer, length, buffer.length - length, null);
        length += got;
        if (length < buffer.length && (got === 0 || !whole)) return buffer.subarray(0, length);
        if (length < buffer.length) continue;
        const larger = Buffer.allocUnsafe(buffer.length * 2);
        buffer.copy(larger);
        buffer = larger;
      }
    } finally {
      closeSync(fd);
    }
  }

  return {
    root,
    self: () => Number(readlinkSync(`${root}/self`)),
    pids: () => numbered(root),
    stat: (pid) => parseStat(pid, read(`${root}/${pid}/stat`)),
    owner: (pid) => statSync(`${root}/${pid}`).uid,
    status: (pid) => parseStatus(read(`${root}/${pid}/status`).toString('latin1')),
    argv: (pid) => splitNul(read(`${root}/${pid}/cmdline`).toString()),
    environ: (pid, text = '') => {
      const raw = read(`${root}/${pid}/environ`);
      return parseEnviron(raw.includes(text) ? splitNul(raw.toString()) : []);
    },
    cgroup: (pid) => parseCgroup(read(`${root}/${pid}/cgroup`).toString()),
    limits: (pid) => parseLimits(read(`${root}/${pid}/limits`).toString('latin1')),
    link: (pid, name) => readlinkSync(`${root}/${pid}/${name}`),
    numbers: (pid, folder) => numbered(`${root}/${pid}/${folder}`),
    text: (path) => read(`${root}/${path}`, true).toString(),
  };
}

function numbered(folder: string): readonly number[] {
  const numbers: number[] = [];
  for (const name of readdirSync(folder)) {
    const first = name.charCodeAt(0);
    if (first >= 48 && first <= 57) numbers.push(Number(name));
  }
  return numbers.sort((a, b) => a - b);
}

function parseEnviron(entries: readonly string[]): Readonly<Record<string, string>> {
  // No prototype: a variable may be called __proto__ or constructor.
  const variables: Record<string, string> = Object.create(null);
  for (const entry of entries) {
    const cut = entry.indexOf('=');
    // The first of two equal names is what getenv(3) finds.
    if (cut > 0) variables[entry.slice(0, cut)] ??= entry.slice(cut + 1);
  }
  return variables;
}

/** The errno name of a thrown thing, or undefined. */
export const errno = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;

/** The process ended before or during the read. */
export const isGone = (error: unknown): boolean => ['ENOENT', 'ESRCH'].includes(errno(error) ?? '');

/** The kernel does not let us look at this process. */
export const isDenied = (error: unknown): boolean => ['EACCES', 'EPERM'].includes(errno(error) ?? '');

/** What `read` gives; undefined when the process ended or may not be looked at. */
export function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (isGone(error) || isDenied(error)) return undefined;
    throw error;
  }
}
