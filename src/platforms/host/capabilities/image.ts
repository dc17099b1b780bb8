import { accessSync } from 'node:fs';
import type { ProcessImage } from '../../../capabilities/respawn.ts';
import { ZashikiError } from '../../../core/errors.ts';
import type { ProcessIdentity } from '../../../core/events.ts';
import type { TargetRef } from '../../../core/model.ts';
import { refusal } from '../errors.ts';
import { gone, livingStat, pinned } from '../identity.ts';
import { attempt, type LinkName, type ProcFs } from '../proc.ts';
import { openUsers } from '../users.ts';
import { isTransient, systemUnit } from './systemd.ts';

/** CAP_SETGID and CAP_SETUID as bits of CapEff. */
const setIds = (1n << 6n) | (1n << 7n);

/**
 * How a living process was started. Throws `not-supported` where the same start cannot be repeated: in a container or
 * a namespace of its own, with a command line that the program has written over, or in a deleted folder.
 */
export function readImage(target: TargetRef, proc: ProcFs): ProcessImage {
  const identity = pinned(target);
  if (!livingStat(proc, identity)) throw gone(target);
  try {
    const image = imageOf(target, identity, proc);
    if (!livingStat(proc, identity)) throw gone(target);
    return image;
  } catch (error) {
    throw refusal(error, target, 'read how it was started (/proc/PID/environ, cwd, exe)', 'CAP_SYS_PTRACE');
  }
}

function imageOf(target: TargetRef, { pid }: ProcessIdentity, proc: ProcFs): ProcessImage {
  const cgroup = proc.cgroup(pid);
  const unit = systemUnit(cgroup);
  const status = proc.status(pid);
  const [argv, exe, cwd] = [proc.argv(pid), existing(proc.link(pid, 'exe')), proc.link(pid, 'cwd')];
  if (unit && isTransient(unit)) {
    const why = `systemd would forget its unit ${unit} at the end of it: it is transient (systemd-run)`;
    refuse(target, why, 'give it a unit file, or use process-kill');
  }
  if (!unit) {
    requireSameNamespaces(target, pid, proc);
    if (isRewritten(argv)) refuse(target, 'it has written over its own command line', 'let its supervisor restart it');
    if (!isThere(cwd)) refuse(target, `its working folder is gone: ${cwd}`, 'restart it by hand once');
    if (!isThere(exe)) refuse(target, `its program file is gone: ${exe}`, 'restart it by hand once');
    requireSameUser(target, status.realUid, proc);
  }
  const nofile = proc.limits(pid)['Max open files']?.soft;
  return {
    argv,
    exe,
    cwd,
    env: { ...proc.environ(pid) },
    uid: status.realUid,
    gid: status.realGid,
    groups: status.groups,
    unit,
    stdio: [0, 1, 2].map((fd) => reopenable(attempt(() => proc.link(pid, `fd/${fd}`)))) as [null, null, null],
    ...(status.umask === null ? {} : { umask: status.umask }),
    ...(nofile === undefined ? {} : { nofile }),
    cgroup,
  };
}

/** An upgraded program's file is another one of the same name: that is what a restart runs. */
const existing = (path: string): string => {
  const before = path.replace(/ \(deleted\)$/, '');
  return isThere(path) ? path : before;
};

function isThere(path: string): boolean {
  try {
    accessSync(path);
    return true;
  } catch {
    return false;
  }
}

/** Programs like nginx and postgres show a title instead of their arguments: one text with spaces, no such file. */
function isRewritten(argv: readonly string[]): boolean {
  const words = argv.filter((argument) => argument !== '');
  return words.length === 0 || (words.length === 1 && /\s/.test(words[0] ?? '') && !isThere(words[0] ?? ''));
}

function requireSameNamespaces(target: TargetRef, pid: number, proc: ProcFs): void {
  const names: readonly LinkName[] = ['ns/mnt', 'ns/pid', 'ns/net', 'root'];
  const other = names.find((name) => proc.link(pid, name) !== proc.link(proc.self(), name));
  if (other)
    refuse(target, `it runs in a container (another ${other.replace('ns/', '')})`, 'restart the container instead');
}

function requireSameUser(target: TargetRef, uid: number, proc: ProcFs): void {
  const own = proc.status(proc.self());
  if (own.uid === uid || (own.capabilities & setIds) === setIds) return;
  const user = openUsers().nameOf(uid);
  throw new ZashikiError('permission-missing', `${target.name} (${target.id}) can be started again only as ${user}`, {
    hint: `run as ${user}, as root, or with CAP_SETUID and CAP_SETGID`,
  });
}

function refuse(target: TargetRef, why: string, hint: string): never {
  throw new ZashikiError('not-supported', `${target.name} (${target.id}) cannot be started again: ${why}`, { hint });
}

/** Regular files and devices; not pipes, sockets and deleted files. */
function reopenable(link: string | undefined): string | null {
  if (!link?.startsWith('/') || link.endsWith(' (deleted)') || link.startsWith('/memfd:')) return null;
  return isThere(link) ? link : null;
}
