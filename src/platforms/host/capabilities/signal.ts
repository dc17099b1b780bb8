import { spawn } from 'node:child_process';
import { closeSync, constants, openSync, readFileSync } from 'node:fs';
import { constants as os } from 'node:os';
import type { SignalCapability } from '../../../capabilities/signal.ts';
import { ZashikiError } from '../../../core/errors.ts';
import type { TargetRef } from '../../../core/model.ts';
import { refusal } from '../errors.ts';
import { gone, pinned, statOf } from '../identity.ts';
import { isZombie, parseStat, processState } from '../parse.ts';
import { attempt, isDenied, type ProcFs } from '../proc.ts';
import { openUsers } from '../users.ts';

/** Signals that end most programs: for these the extra milliseconds of the exact way are well spent. */
const destructive: ReadonlySet<NodeJS.Signals> = new Set(['SIGKILL', 'SIGTERM']);

/**
 * Signals to one pinned process. An open descriptor of /proc/PID stays bound to that process: reads through it fail
 * once it is gone, also when the pid has a new owner. SIGKILL and SIGTERM go through that very descriptor where perl
 * is installed (`exact`), so no other process can be hit; all else is sent by pid right after the check, which leaves
 * a window of some microseconds in which the process would have to end and all other pids be used up.
 */
export function signalCapability(target: TargetRef, proc: ProcFs, exact = true): SignalCapability {
  const identity = pinned(target);
  return {
    async send(signal) {
      const handle = holdProcess(target, proc);
      try {
        if (exact && destructive.has(signal)) {
          const done = await sendThrough(handle, signal, target, proc);
          if (done) return;
        }
        requireSame(handle, target);
        process.kill(identity.pid, signal);
      } catch (error) {
        throw isDenied(error) ? notOurs(target, proc, signal, error) : refusal(error, target, 'signal', 'CAP_KILL');
      } finally {
        closeSync(handle);
      }
    },
    async state() {
      const stat = statOf(proc, identity);
      return stat ? processState(stat) : 'gone';
    },
  };
}

/** A descriptor of /proc/PID of exactly the pinned process. The caller closes it. Throws `target-gone`. */
function holdProcess(target: TargetRef, proc: ProcFs): number {
  const identity = pinned(target);
  let handle: number;
  try {
    handle = openSync(`${proc.root}/${identity.pid}`, constants.O_RDONLY | constants.O_DIRECTORY);
  } catch (error) {
    throw refusal(error, target, 'look at /proc', 'CAP_SYS_PTRACE');
  }
  try {
    requireSame(handle, target);
    // The boot id cannot change under us: once is enough.
    if (!statOf(proc, identity)) throw gone(target);
    return handle;
  } catch (error) {
    closeSync(handle);
    throw error;
  }
}

/** Throws `target-gone` unless the held process is the pinned one and has not ended. */
function requireSame(handle: number, target: TargetRef): void {
  const { pid, startTime } = pinned(target);
  const stat = attempt(() => parseStat(pid, readFileSync(`/proc/self/fd/${handle}/stat`)));
  if (!stat || stat.startTime !== startTime || isZombie(stat)) throw gone(target);
}

/** pidfd_send_signal(2); the number is the same on every architecture that is listed. */
const pidfdSendSignal: Readonly<Partial<Record<NodeJS.Architecture, number>>> = { x64: 424, arm64: 424 };
const perl = '/usr/bin/perl';
const program = 'my $r = syscall($ARGV[0] + 0, 3, $ARGV[1] + 0, 0, 0); exit($r == 0 ? 0 : $! + 0);';

/** Send through the held descriptor. False when this machine cannot (no perl, an old kernel): nothing was sent then. */
async function sendThrough(handle: number, signal: NodeJS.Signals, target: TargetRef, proc: ProcFs): Promise<boolean> {
  const call = pidfdSendSignal[process.arch];
  if (call === undefined) return false;
  const code = await new Promise<number | null>((resolve) => {
    const args = ['-e', program, String(call), String(os.signals[signal])];
    const child = spawn(perl, args, { stdio: ['ignore', 'ignore', 'ignore', handle], env: {} });
    child.on('error', () => resolve(null));
    child.on('exit', resolve);
  });
  if (code === 0) return true;
  if (code === os.errno.ESRCH) throw gone(target);
  if (code === os.errno.EPERM) throw notOurs(target, proc, signal);
  return false;
}

function notOurs(target: TargetRef, proc: ProcFs, signal: string, cause?: unknown): ZashikiError {
  const uid = attempt(() => proc.status(pinned(target).pid))?.uid;
  const owner = uid === undefined ? 'another user' : `user ${openUsers().nameOf(uid)}`;
  const message = `may not send ${signal} to ${target.name} (${target.id}): it belongs to ${owner}`;
  const hint = `run as ${owner}, as root, or with CAP_KILL`;
  return new ZashikiError('permission-missing', message, { hint, cause });
}
