import type { ProcessState } from '../../capabilities/signal.ts';

/** Fields of /proc/PID/stat. Times in clock ticks of 10 ms, the kernel's fixed unit for this file. */
export interface ProcStat {
  readonly pid: number;
  /** Up to 15 bytes; may hold spaces and parentheses. */
  readonly comm: string;
  readonly letter: string;
  readonly ppid: number;
  readonly session: number;
  readonly flags: number;
  readonly utime: number;
  readonly stime: number;
  /** Of children that have ended and were waited for. */
  readonly childTime: number;
  readonly threads: number;
  /** Ticks since boot, kept as text: it is an identity, not a quantity. */
  readonly startTime: string;
}

/** Length of the clock tick of /proc/PID/stat in milliseconds (USER_HZ is 100 on every Linux that Node runs on). */
export const tickMs = 10;

const kernelThread = 0x0020_0000;

/** True for threads of the kernel (PF_KTHREAD). */
export const isKernelThread = (stat: ProcStat): boolean => (stat.flags & kernelThread) !== 0;

/** Ended, and waiting for its parent. A process whose first thread alone has ended still lives. */
export const isZombie = (stat: ProcStat): boolean => 'ZXx'.includes(stat.letter) && stat.threads <= 1;

const exiting = 4;

/** On its way out (PF_EXITING), or out: its cgroups are not told any more. */
export const isEnding = (stat: ProcStat): boolean => (stat.flags & exiting) !== 0 || isZombie(stat);

/** The kernel's letter in words. */
export function processState(stat: ProcStat): ProcessState {
  if (isZombie(stat)) return 'zombie';
  if (stat.letter === 'R') return 'running';
  return stat.letter === 'T' || stat.letter === 't' ? 'stopped' : 'sleeping';
}

/** Parse /proc/PID/stat: the name is all between the first `(` and the last `)`. */
export function parseStat(pid: number, line: Buffer): ProcStat {
  const [open, close] = [line.indexOf(0x28), line.lastIndexOf(0x29)];
  const fields = line.toString('latin1', close + 2).split(' ', 21);
  const number = (field: number) => Number(fields[field - 3]);
  return {
    pid,
    comm: line.toString('utf8', open + 1, close),
    letter: fields[0] ?? '?',
    ppid: number(4),
    session: number(6),
    flags: number(9),
    utime: number(14),
    stime: number(15),
    childTime: number(16) + number(17),
    threads: number(20),
    startTime: (fields[19] ?? '').trim(),
  };
}

/** Who a process runs as, and what it may do. Sizes in bytes. */
export interface ProcStatus {
  /** The user that started it. */
  readonly realUid: number;
  /** The user that it acts as. */
  readonly uid: number;
  readonly realGid: number;
  readonly groups: readonly number[];
  readonly rssBytes: number;
  readonly umask: number | null;
  /** Effective Linux capabilities, as a bit set. */
  readonly capabilities: bigint;
}

/** Parse /proc/PID/status. */
export function parseStatus(text: string): ProcStatus {
  const field = (name: string) => {
    const at = text.indexOf(`\n${name}:`);
    if (at < 0) return '';
    const end = text.indexOf('\n', at + 1);
    return text.slice(at + name.length + 2, end < 0 ? undefined : end).trim();
  };
  const numbers = (name: string) => field(name).split(/\s+/).filter(Boolean).map(Number);
  const [uids, gids, umask] = [numbers('Uid'), numbers('Gid'), field('Umask')];
  return {
    realUid: uids[0] ?? -1,
    uid: uids[1] ?? -1,
    realGid: gids[0] ?? -1,
    groups: numbers('Groups'),
    rssBytes: (numbers('VmRSS')[0] ?? 0) * 1024,
    umask: umask ? Number.parseInt(umask, 8) : null,
    capabilities: BigInt(`0x${field('CapEff') || '0'}`),
  };
}

/** One line of /proc/PID/cgroup. */
export interface CgroupLine {
  /** Empty for the unified hierarchy (v2). `name=systemd` is a v1 hierarchy without controllers. */
  readonly controllers: string;
  readonly path: string;
}

/** Parse /proc/PID/cgroup. */
export function parseCgroup(text: string): readonly CgroupLine[] {
  return text.split('\n').flatMap((line) => {
    const match = /^\d+:([^:]*):(.*)$/.exec(line);
    return match ? [{ controllers: match[1] ?? '', path: match[2] ?? '' }] : [];
  });
}

/** Limits by the kernel's own names, e.g. `Max open files`; -1 means unlimited. */
export type ProcLimits = Readonly<Record<string, { readonly soft: number; readonly hard: number }>>;

/** Parse /proc/PID/limits. */
export function parseLimits(text: string): ProcLimits {
  const value = (word: string | undefined) => (word === 'unlimited' ? -1 : Number(word));
  const limits: Record<string, { soft: number; hard: number }> = {};
  for (const line of text.split('\n')) {
    const match = /^(Max .+?)\s{2,}(unlimited|\d+)\s+(unlimited|\d+)(?:\s|$)/.exec(line);
    if (match?.[1]) limits[match[1]] = { soft: value(match[2]), hard: value(match[3]) };
  }
  return limits;
}

/** Split text that NUL bytes end. Empty strings in between are kept: an argument may be empty. */
export function splitNul(text: string): readonly string[] {
  if (text === '') return [];
  return (text.endsWith('\0') ? text.slice(0, -1) : text).split('\0');
}

/** The systemd units on a cgroup path, outermost first: slices, services, scopes. */
export function unitsOf(path: string): readonly string[] {
  // systemd puts an underscore before a name that would clash with a file of the cgroup file system.
  const names = path.split('/').map((part) => (part.startsWith('_') ? part.slice(1) : part));
  return names.filter((name) => /.\.(service|scope|slice)$/.test(name));
}
