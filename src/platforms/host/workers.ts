import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkerSpec } from '../../capabilities/cgroup.ts';
import { ZashikiError } from '../../core/errors.ts';
import type { TargetRef } from '../../core/model.ts';
import { refusal } from './errors.ts';
import type { ProcStat } from './parse.ts';
import { attempt, isGone, type ProcFs } from './proc.ts';
import { taggedTree } from './tagged.ts';

/** How long `stopWorkers` tries before it gives up: a process in a frozen cgroup or a stuck disk ignores SIGKILL. */
const patience = 10_000;

/** All living workers of a tag and what they have started. */
export const findWorkers = (proc: ProcFs, tag: string, sessions?: ReadonlySet<number>): readonly ProcStat[] =>
  taggedTree(proc, 'ZASHIKI_WORKER', tag, sessions);

/**
 * Start a worker in a session of its own, and hold nothing of it; returns its pid. `inherit`: descriptors of ours that
 * it gets, by the number that they have there. Throws `not-supported` when the program cannot be started.
 */
export function launchWorker(
  { argv, tag }: WorkerSpec,
  inherit: readonly { readonly as: number; readonly fd: number }[] = [],
): Promise<number> {
  const [program, ...args] = argv;
  if (!program) throw new ZashikiError('internal', 'a worker needs a program to run');
  // Little of our own environment: it may hold secrets, and the worker needs none of them.
  const { PATH = '/usr/local/bin:/usr/bin:/bin', HOME = '/', TMPDIR = '/tmp' } = process.env;
  const env = { PATH, HOME, TMPDIR, LC_ALL: 'C', ZASHIKI_WORKER: tag };
  const stdio: ('ignore' | number)[] = ['ignore', 'ignore', 'ignore'];
  for (const { as, fd } of inherit) {
    while (stdio.length < as) stdio.push('ignore');
    stdio[as] = fd;
  }
  const child = spawn(program, args, { env, cwd: '/', detached: true, stdio });
  child.unref();
  return new Promise((resolve, reject) => {
    child.once('spawn', () => resolve(child.pid ?? 0));
    child.once('error', (cause) => {
      const message = `cannot start the worker ${program}: ${cause.message}`;
      reject(new ZashikiError('not-supported', message, { hint: `is ${program} installed and in PATH?`, cause }));
    });
  });
}

/** SIGKILL to all of this tag, until none is left. Throws `recover-failed` when some outlive it for 10 s and 50 tries. */
export async function stopWorkers(proc: ProcFs, tag: string, target: TargetRef): Promise<void> {
  const from = performance.now();
  const sessions = new Set<number>();
  for (let [wait, tries] = [1, 0]; ; wait = Math.min(wait * 2, 50), tries++) {
    const left = findWorkers(proc, tag, sessions);
    for (const { pid, session } of left) if (pid === session) sessions.add(session);
    if (left.length === 0) return;
    // On a machine that is slow enough, one try takes seconds.
    if (performance.now() - from > patience && tries > 50) {
      const pids = left.map(({ pid }) => pid).join(', ');
      throw new ZashikiError('recover-failed', `workers of ${tag} outlive SIGKILL: pid ${pids}`, {
        hint: 'they may be in a frozen cgroup or wait for a disk; end them by hand',
      });
    }
    for (const { pid, startTime } of left) {
      if (attempt(() => proc.stat(pid))?.startTime === startTime) kill(pid, target);
    }
    await sleep(wait);
  }
}

function kill(pid: number, target: TargetRef): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (!isGone(error)) throw refusal(error, target, `end the worker with pid ${pid}`, 'CAP_KILL');
  }
}
