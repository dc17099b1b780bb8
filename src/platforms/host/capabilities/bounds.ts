import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { BoundsCapability, CgroupId, Member, MemoryBound, MemoryUse } from '../../../capabilities/bounds.ts';
import { ZashikiError } from '../../../core/errors.ts';
import type { TargetRef } from '../../../core/model.ts';
import { cgroupMounts, cgroupsOf, folderOf } from '../cgroups.ts';
import { denied } from '../errors.ts';
import { bootId, gone, livingStat, pinned, statOf } from '../identity.ts';
import { attempt, errno, isDenied, isGone, type ProcFs } from '../proc.ts';

/** Above this the kernel of v1 means no bound: the largest number of whole pages. */
const noBound = 2 ** 62;

/** Which files of a cgroup hold what; v2 has its own names, and swap apart from memory. */
const v2 = { max: 'memory.max', swap: 'memory.swap.max', used: 'memory.current', events: 'memory.events' };
const v1 = {
  max: 'memory.limit_in_bytes',
  swap: 'memory.memsw.limit_in_bytes',
  used: 'memory.usage_in_bytes',
  events: 'memory.oom_control',
};

/**
 * Bounds of the cgroup that a process lives in. `anchor`: a text that the name of the wanted cgroup contains, e.g. the id
 * of a container, for processes that live in a cgroup below it. Without a living process `locate` alone fails.
 */
export function boundsCapability(target: TargetRef, proc: ProcFs, anchor?: string): BoundsCapability {
  const open = (of: CgroupId): string => {
    const found = of.boot === bootId(proc) ? attempt(() => statSync(of.folder, { bigint: true })) : undefined;
    if (String(found?.ino) !== of.ino) throw goneCgroup(target, of);
    return of.folder;
  };
  const within = <T>(of: CgroupId, what: string, work: (folder: string) => T): T => {
    const folder = open(of);
    try {
      return work(folder);
    } catch (error) {
      if (isGone(error) || errno(error) === 'ENODEV') throw goneCgroup(target, of);
      if (isDenied(error) || errno(error) === 'EROFS') throw denied(target, what, 'CAP_DAC_OVERRIDE', error);
      throw error;
    }
  };
  const membersIn = (folder: string): readonly number[] => [
    ...lines(join(folder, 'cgroup.procs')).map(Number),
    ...subfolders(folder).flatMap(membersIn),
  ];
  return {
    async locate(controller) {
      const identity = pinned(target);
      if (!livingStat(proc, identity)) throw gone(target);
      const mounts = cgroupMounts(proc.text('self/mountinfo'));
      const all = cgroupsOf(proc, identity.pid);
      const line = all.find(({ controllers }) => controllers.split(',').includes(controller)) ?? all.find(isUnified);
      const path = line && cutAfter(line.path, anchor);
      const folder = line && path !== undefined ? folderOf({ ...line, path }, mounts) : undefined;
      const file = controller === 'pids' ? ['pids.max'] : [v1.max, v2.max];
      if (folder === undefined || !file.some((name) => existsSync(join(folder, name)))) {
        throw new ZashikiError(
          'not-supported',
          `${target.name} has no cgroup of its own with the ${controller} controller`,
          {
            hint: 'the hierarchy must be mounted here, and the controller be on for this cgroup',
          },
        );
      }
      if (membersIn(folder).includes(process.pid)) {
        throw new ZashikiError('not-supported', `${target.name} shares its cgroup ${path} with Zashiki itself`);
      }
      return { folder, ino: String(statSync(folder, { bigint: true }).ino), boot: bootId(proc) };
    },
    tasks: async (of) =>
      within(of, 'read the bound of tasks', (folder) => ({
        now: number(join(folder, 'pids.current')),
        max: number(join(folder, 'pids.max')),
        refused: field(join(folder, 'pids.events'), 'max') ?? 0,
      })),
    async setTasks(of, max) {
      within(of, 'set the bound of tasks', (folder) => writeFileSync(join(folder, 'pids.max'), text(max, 'max')));
    },
    memory: async (of) => within(of, 'read the bound of memory', readMemory),
    async setMemory(of, bound) {
      within(of, 'set the bound of memory', (folder) => {
        try {
          writeMemory(folder, bound);
        } catch (error) {
          if (errno(error) !== 'EBUSY' && errno(error) !== 'EINVAL') throw error;
          throw new ZashikiError(
            'inject-failed',
            `${bound.max} bytes are less than ${target.name} holds (${errno(error)})`,
          );
        }
      });
    },
    members: async (of) =>
      within(of, 'list the processes', (folder) => membersIn(folder).flatMap((pid) => member(pid))),
    async setScores(members) {
      for (const { pid, startTime, score } of members) {
        if (!statOf(proc, { pid, startTime, bootId: bootId(proc) })) continue;
        try {
          writeFileSync(`${proc.root}/${pid}/oom_score_adj`, String(score));
        } catch (error) {
          if (isDenied(error)) throw denied(target, 'set oom_score_adj', 'CAP_SYS_RESOURCE', error);
          if (!isGone(error)) throw error;
        }
      }
    },
  };

  function member(pid: number): readonly Member[] {
    const startTime = attempt(() => proc.stat(pid))?.startTime;
    const score = attempt(() => number(`${proc.root}/${pid}/oom_score_adj`));
    if (startTime === undefined || score === undefined) return [];
    const { pid: first, startTime: since } = target.identity;
    return [{ pid, startTime, score, main: pid === first && startTime === since }];
  }
}

/** Bytes of memory that a process may still take before its cgroup, or one above it, is full; null: none has a bound. */
export function memoryRoom(proc: ProcFs, pid: number): number | null {
  const mounts = cgroupMounts(proc.text('self/mountinfo'));
  const all = cgroupsOf(proc, pid);
  const line = all.find(({ controllers }) => controllers.split(',').includes('memory')) ?? all.find(isUnified);
  let room: number | null = null;
  for (let path = line?.path ?? '/'; line && path !== '/'; path = dirname(path)) {
    const folder = folderOf({ ...line, path }, mounts);
    if (folder === undefined || ![v1.max, v2.max].some((name) => existsSync(join(folder, name)))) continue;
    const { max, used } = readMemory(folder);
    if (max !== -1) room = Math.min(room ?? Number.POSITIVE_INFINITY, Math.max(0, max - used));
  }
  return room;
}

const isUnified = ({ controllers }: { readonly controllers: string }) => controllers === '';

function readMemory(folder: string): MemoryUse {
  const names = existsSync(join(folder, v2.max)) ? v2 : v1;
  const max = bound(join(folder, names.max));
  const swapFile = join(folder, names.swap);
  const swap = existsSync(swapFile) ? bound(swapFile) : null;
  const stat = join(folder, 'memory.stat');
  const cache = field(stat, names === v2 ? 'inactive_file' : 'total_inactive_file') ?? 0;
  return {
    max,
    // v1 bounds memory and swap together.
    swap: names === v1 && swap !== null && swap !== -1 ? Math.max(0, swap - max) : swap,
    used: Math.max(0, number(join(folder, names.used)) - cache),
    kills: field(join(folder, names.events), 'oom_kill') ?? 0,
    events: join(folder, names.events),
    killer: names === v2 || field(join(folder, names.events), 'oom_kill_disable') !== 1,
  };
}

function writeMemory(folder: string, { max, swap }: MemoryBound): void {
  const names = existsSync(join(folder, v2.max)) ? v2 : v1;
  const none = names === v2 ? 'max' : '-1';
  const steps: (readonly [string, number])[] = [[names.max, max]];
  if (swap !== null) {
    const both = max === -1 || swap === -1 ? -1 : max + swap;
    const now = bound(join(folder, names.swap));
    // v1: memory alone may never have the higher bound of the two, not even for a moment.
    const first = names === v1 && now !== -1 && (max === -1 || max > now);
    const step = [names.swap, names === v1 ? both : swap] as const;
    if (first) steps.unshift(step);
    else steps.push(step);
  }
  for (const [name, value] of steps) writeFileSync(join(folder, name), text(value, none));
}

/** A path up to the part that contains `anchor`; undefined when none does. */
function cutAfter(path: string, anchor: string | undefined): string | undefined {
  if (anchor === undefined) return path === '/' ? undefined : path;
  const parts = path.split('/');
  const at = parts.findIndex((part) => part.includes(anchor));
  return at < 0 ? undefined : parts.slice(0, at + 1).join('/');
}

const goneCgroup = (target: TargetRef, { folder }: CgroupId) =>
  new ZashikiError('target-gone', `the cgroup of ${target.name} (${folder}) is gone, and its bounds with it`);

const text = (value: number, none: string) => (value === -1 ? none : String(value));
const lines = (path: string) => readFileSync(path, 'utf8').split('\n').filter(Boolean);
const subfolders = (path: string) =>
  readdirSync(path, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [join(path, entry.name)] : []));

function number(path: string): number {
  const value = readFileSync(path, 'utf8').trim();
  return value === 'max' ? -1 : Number(value);
}

function bound(path: string): number {
  const value = number(path);
  return value >= noBound ? -1 : value;
}

/** The number behind a word in a file of `word number` lines; undefined when the file or the word is not there. */
function field(path: string, word: string): number | undefined {
  if (!existsSync(path)) return undefined;
  const line = lines(path).find((each) => each.startsWith(`${word} `));
  return line === undefined ? undefined : Number(line.slice(word.length + 1));
}
