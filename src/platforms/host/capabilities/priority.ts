import { getPriority, setPriority } from 'node:os';
import type { PriorityCapability, ThreadPriority } from '../../../capabilities/priority.ts';
import { ZashikiError } from '../../../core/errors.ts';
import type { TargetRef } from '../../../core/model.ts';
import { denied, missing, refusal } from '../errors.ts';
import { gone, livingStat, pinned } from '../identity.ts';
import { attempt, errno, type ProcFs } from '../proc.ts';
import { runTool } from '../tool.ts';

type IoPriority = Pick<ThreadPriority, 'ioClass' | 'ioLevel'>;

const none: IoPriority = { ioClass: 'none', ioLevel: 0 };
const classNumbers = { none: 0, realtime: 1, 'best-effort': 2, idle: 3 } as const;
/** CAP_SYS_NICE as a bit of CapEff. */
const sysNice = 1n << 23n;

/**
 * Nice value of each thread by setpriority(2), which on Linux means one thread; I/O priority by util-linux's `ionice`.
 * Without ionice, I/O priority is reported as `none` and left alone. Both act by number, not on a handle: the check
 * comes right before and after, and between them stay microseconds for nice, and for ionice the milliseconds that it
 * takes to start, in which the thread would have to end and all other numbers be used up.
 */
export function priorityCapability(target: TargetRef, proc: ProcFs): PriorityCapability {
  const identity = pinned(target);
  const alive = () => {
    if (!livingStat(proc, identity)) throw gone(target);
  };
  const threads = () => {
    alive();
    // By number alone the main thread would not be first once pids have begun again from the bottom.
    const tids = proc.numbers(identity.pid, 'task');
    return [...tids.filter((tid) => tid === identity.pid), ...tids.filter((tid) => tid !== identity.pid)];
  };
  const lives = (tid: number) =>
    livingStat(proc, identity) !== undefined &&
    attempt(() => proc.text(`${identity.pid}/task/${tid}/stat`)) !== undefined;

  return {
    async read() {
      try {
        const nices = threads().flatMap((tid) => {
          const nice = skipEnded(() => getPriority(tid));
          return nice === undefined ? [] : [{ tid, nice }];
        });
        const io = await readIo(nices.map(({ tid }) => tid));
        if (nices.length === 0) throw gone(target);
        return nices.map((thread) => ({ ...thread, ...(io.get(thread.tid) ?? none) }));
      } catch (error) {
        throw refusal(error, target, 'read the priority', 'CAP_SYS_NICE');
      }
    },
    async write(wanted) {
      alive();
      const living = wanted.filter(({ tid }) => lives(tid));
      for (const { tid, nice } of living) {
        try {
          if (!lives(tid)) continue;
          skipEnded(() => getPriority(tid) !== nice && setPriority(tid, nice));
        } catch (error) {
          throw refusal(error, target, `set nice ${nice} for thread ${tid}`, 'CAP_SYS_NICE');
        }
      }
      await writeIo(living, target, lives);
      alive();
    },
    async cannotRestore(nice) {
      try {
        if (proc.status(proc.self()).capabilities & sysNice) return null;
        const rlimit = proc.limits(identity.pid)['Max nice priority']?.soft ?? 0;
        // The kernel lets an owner lower nice to 20 - RLIMIT_NICE of the target (see getrlimit(2)).
        if (rlimit === -1 || nice >= 20 - rlimit) return null;
        const reach = rlimit > 0 ? `only down to ${20 - rlimit}` : 'not at all';
        return `without CAP_SYS_NICE nice can be lowered ${reach} (RLIMIT_NICE of the process is ${rlimit})`;
      } catch (error) {
        throw refusal(error, target, 'read the limits', 'CAP_SYS_PTRACE');
      }
    },
  };
}

/** What `act` gives; undefined when the thread has ended. */
function skipEnded<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch (error) {
    // os.setPriority reports the errno in `info`, unlike the file calls.
    const code = errnoOf(error);
    if (code === 'ESRCH') return undefined;
    throw code === errno(error) ? error : Object.assign(new Error(String(error)), { code });
  }
}

function errnoOf(error: unknown): string | undefined {
  const info = error instanceof Error && 'info' in error ? error.info : undefined;
  const code = info && typeof info === 'object' && 'code' in info ? info.code : undefined;
  return typeof code === 'string' ? code : errno(error);
}

async function readIo(tids: readonly number[]): Promise<ReadonlyMap<number, IoPriority>> {
  const found = new Map<number, IoPriority>();
  if (tids.length === 0) return found;
  const all = await runTool('ionice', ['-p', ...tids.map(String)]);
  if (!all) return found;
  const lines = all.stdout.trim().split('\n');
  if (all.code === 0 && lines.length === tids.length) {
    for (const [index, tid] of tids.entries()) found.set(tid, parseIo(lines[index] ?? ''));
    return found;
  }
  // One thread ended meanwhile and ionice gave up: ask one by one.
  for (const tid of tids) {
    const one = await runTool('ionice', ['-p', String(tid)]);
    if (one?.code === 0) found.set(tid, parseIo(one.stdout));
  }
  return found;
}

/** `best-effort: prio 4`, `idle`, `none: prio 0` as util-linux 2.38 writes them. */
function parseIo(line: string): IoPriority {
  const [, word, level] = /^\s*([a-z-]+)(?::\s*prio\s+(\d+))?/.exec(line) ?? [];
  const ioClass = word !== undefined && word in classNumbers ? (word as IoPriority['ioClass']) : 'none';
  return { ioClass, ioLevel: ioClass === 'none' || ioClass === 'idle' ? 0 : Number(level ?? 0) };
}

async function writeIo(
  threads: readonly ThreadPriority[],
  target: TargetRef,
  lives: (tid: number) => boolean,
): Promise<void> {
  const now = await readIo(threads.map(({ tid }) => tid));
  for (const { tid, ioClass, ioLevel } of threads) {
    const is = now.get(tid) ?? none;
    if (is.ioClass === ioClass && is.ioLevel === ioLevel) continue;
    const level = ioClass === 'none' || ioClass === 'idle' ? [] : ['-n', String(ioLevel)];
    if (!lives(tid)) continue;
    const result = await runTool('ionice', ['-c', String(classNumbers[ioClass]), ...level, '-p', String(tid)]);
    if (!result) throw missing('ionice', 'util-linux', 'changing I/O priority');
    if (result.code === 0 || !lives(tid)) continue;
    if (/not permitted|denied/i.test(result.stderr)) {
      throw denied(target, `set I/O priority ${ioClass} for thread ${tid}`, 'CAP_SYS_NICE (realtime: CAP_SYS_ADMIN)');
    }
    throw new ZashikiError('inject-failed', `ionice failed on thread ${tid} of ${target.id}: ${result.stderr.trim()}`);
  }
}
