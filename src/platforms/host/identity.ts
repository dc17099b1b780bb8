import { ZashikiError } from '../../core/errors.ts';
import type { ProcessIdentity } from '../../core/events.ts';
import type { TargetRef } from '../../core/model.ts';
import { isZombie, type ProcStat } from './parse.ts';
import { attempt, type ProcFs } from './proc.ts';

/** This boot of the machine. Throws `not-supported` without a Linux /proc. */
export function bootId(proc: ProcFs): string {
  requireLinux(proc);
  return proc.text('sys/kernel/random/boot_id').trim();
}

/** Throws `not-supported` where there is no /proc to read, or where it is not the one of our pid namespace. */
export function requireLinux(proc: ProcFs, os: NodeJS.Platform = process.platform): void {
  if (os !== 'linux') {
    throw new ZashikiError('not-supported', `the host platform reads Linux's /proc, and this machine runs ${os}`, {
      hint: 'documents can be checked and reports read here; to plan and run on processes, use a Linux host, VM or container',
    });
  }
  if (attempt(() => proc.text('sys/kernel/random/boot_id')) === undefined) {
    throw new ZashikiError('not-supported', `the host platform needs ${proc.root}, and it cannot be read`, {
      hint: 'mount it: mount -t proc proc /proc',
    });
  }
  // After `unshare --pid` without a new mount, /proc numbers processes differently from kill(2): it would hit others.
  if (proc.self() !== process.pid) {
    const message = `${proc.root} belongs to another pid namespace: here we are ${proc.self()}, but our pid is ${process.pid}`;
    throw new ZashikiError('not-supported', message, {
      hint: 'mount a /proc of this namespace: mount -t proc proc /proc',
    });
  }
}

/** The pinned process of a target. Throws `plan-invalid` when its identity is not one of a process. */
export function pinned(target: TargetRef): ProcessIdentity {
  const { pid, startTime, bootId } = target.identity;
  const whole = typeof pid === 'number' && Number.isSafeInteger(pid) && pid > 0;
  if (!whole || typeof startTime !== 'string' || typeof bootId !== 'string') {
    throw new ZashikiError('plan-invalid', `target ${target.id} has no pid, startTime and bootId to be known by`, {
      hint: 'make the plan again with `zashiki plan`',
    });
  }
  return { pid, startTime, bootId };
}

/** The very process of `identity`, or undefined when it ended (a zombie included) or its pid has another owner. */
export function livingStat(proc: ProcFs, identity: ProcessIdentity): ProcStat | undefined {
  const stat = statOf(proc, identity);
  return stat && !isZombie(stat) ? stat : undefined;
}

/** Like `livingStat`, zombies included. */
export function statOf(proc: ProcFs, identity: ProcessIdentity): ProcStat | undefined {
  const stat = attempt(() => proc.stat(identity.pid));
  if (stat?.startTime !== identity.startTime) return undefined;
  return bootId(proc) === identity.bootId ? stat : undefined;
}

/** The error for a process that is not there any more. */
export const gone = (target: TargetRef): ZashikiError =>
  new ZashikiError('target-gone', `${target.name} (${target.id}) has ended, or its pid belongs to another process now`);
