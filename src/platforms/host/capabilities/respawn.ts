import { type SpawnOptions, spawn } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';
import type { ProcessImage, RespawnCapability } from '../../../capabilities/respawn.ts';
import { ZashikiError } from '../../../core/errors.ts';
import type { TargetRef } from '../../../core/model.ts';
import { moveInto } from '../cgroups.ts';
import { missing } from '../errors.ts';
import { attempt, isDenied, type ProcFs } from '../proc.ts';
import { tagged } from '../tagged.ts';
import { runTool } from '../tool.ts';
import { readImage } from './image.ts';
import { restartedFor, restartUnit } from './systemd.ts';

/**
 * Starts a process again as it was: program, argv[0] included, environment, folder, real user and groups, umask, soft
 * limit on open files, cgroup, and those of its three standard streams that are files or devices (files are appended
 * to). Not kept: other limits, Linux capabilities, priorities, and the parent: it becomes a session of its own.
 */
export function respawnCapability(target: TargetRef, proc: ProcFs): RespawnCapability {
  const find = async (tag: string): Promise<number | null> => {
    const found = tagged(proc, 'ZASHIKI_RESPAWN', tag);
    // Children inherit the tag. What we start leads a session; a daemon that left it is the oldest that remains.
    const first = found.find(({ pid, session }) => pid === session) ?? found[0];
    return first?.pid ?? restartedFor(tag);
  };
  return {
    image: async () => readImage(target, proc),
    find,
    async start(image, tag) {
      const before = await find(tag);
      if (image.unit) return before ?? (await restartUnit(image.unit, tag));
      // What follows is done again for one that runs: its starter may have been killed right after the start.
      const pid = before ?? (await launch(image, tag, proc));
      if (image.cgroup) attempt(() => moveInto(proc, pid, image.cgroup ?? []));
      // Node raises its own soft limit to the hard one, and children inherit that.
      const nofile = image.nofile === -1 ? 'unlimited' : image.nofile;
      if (nofile !== undefined) await runTool('prlimit', ['--pid', String(pid), `--nofile=${nofile}:`]);
      return pid;
    },
  };
}

function launch(image: ProcessImage, tag: string, proc: ProcFs): Promise<number> {
  const { program, args, options } = command(image, proc);
  const streams = image.stdio.map(reopen);
  // spawn() forks before it returns, so both the umask and our copies of the streams are ours alone again after it.
  const umask = image.umask !== undefined && isMainThread ? process.umask(image.umask) : undefined;
  try {
    const child = spawn(program, args, {
      ...options,
      cwd: image.cwd,
      env: { ...image.env, ZASHIKI_RESPAWN: tag },
      detached: true,
      stdio: streams.map((fd) => fd ?? ('ignore' as const)),
    });
    child.unref();
    return new Promise((resolve, reject) => {
      child.once('spawn', () => resolve(child.pid ?? 0));
      child.once('error', (cause) => reject(notStarted(image, program, cause)));
    });
  } finally {
    if (umask !== undefined) process.umask(umask);
    for (const fd of streams) if (fd !== null) closeSync(fd);
  }
}

interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly options: SpawnOptions;
}

/** Node drops all supplementary groups when it changes the user, so those need util-linux's `setpriv`. */
function command({ argv, exe, uid, gid, groups }: ProcessImage, proc: ProcFs): Command {
  const own = proc.status(proc.self());
  const args = argv.slice(1);
  const argv0 = argv[0] ?? exe;
  const sameUser = own.uid === uid && own.realGid === gid;
  const extra = groups.filter((group) => group !== gid);
  if (sameUser && (own.uid !== 0 || extra.every((group) => own.groups.includes(group)))) {
    return { program: exe, args, options: { argv0 } };
  }
  if (extra.length === 0) return { program: exe, args, options: { argv0, uid, gid } };
  const ids = [`--reuid=${uid}`, `--regid=${gid}`, `--groups=${groups.join(',')}`];
  return { program: 'setpriv', args: [...ids, '--', exe, ...args], options: {} };
}

/** Without O_CREAT: a log file that was rotated away is not made anew with our rights. */
function reopen(path: string | null, index: number): number | null {
  if (path === null) return null;
  const mode = index === 0 ? constants.O_RDONLY : constants.O_WRONLY | constants.O_APPEND;
  try {
    return openSync(path, mode | constants.O_NOCTTY);
  } catch {
    return null;
  }
}

function notStarted({ exe, uid }: ProcessImage, program: string, cause: Error): ZashikiError {
  if (program === 'setpriv' && 'code' in cause && cause.code === 'ENOENT') {
    return missing('setpriv', 'util-linux', 'starting a process with its supplementary groups');
  }
  if (isDenied(cause)) {
    const hint = 'run as that user, as root, or with CAP_SETUID and CAP_SETGID';
    return new ZashikiError('permission-missing', `may not start ${exe} as uid ${uid}`, { hint, cause });
  }
  return new ZashikiError('inject-failed', `cannot start ${exe} again: ${cause.message}`, { cause });
}
