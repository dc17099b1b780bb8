import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import type { ProcessIdentity } from '../core/events.ts';

/** This process, or another living one of our machine; undefined when there is no process of this pid. */
export function identityOf(pid: number = process.pid): ProcessIdentity | undefined {
  if (!hasProc()) return answers(pid) ? { pid, startTime: '', bootId: '' } : undefined;
  const stat = readStat(pid);
  return stat && { pid, startTime: stat.startTime, bootId: bootId() };
}

/** This process. */
export function ownIdentity(): ProcessIdentity {
  return { ...(identityOf(process.pid) ?? { pid: process.pid, startTime: '', bootId: '' }), place: placeId() };
}

/**
 * True while this very process can still act: same pid, start time and boot, and not just a zombie. Without /proc
 * only the pid counts.
 */
export function sameProcess(id: ProcessIdentity): boolean {
  if (!hasProc()) return answers(id.pid);
  if (bare(id.bootId) !== bare(bootId())) return false;
  const stat = readStat(id.pid);
  if (!stat || stat.startTime !== id.startTime) return false;
  return !ended(stat.state) || hasLivingThread(id.pid);
}

/** This machine and pid namespace, e.g. `4c1f…/pid:[4026531836]`: elsewhere our pids mean other processes, or none. */
export function placeId(): string {
  return `${machineId()}/${pidNamespace()}`;
}

/**
 * Why a process of this identity cannot be seen from here, so that nothing may be concluded from its absence; null
 * when it can. After a reboot of the machine nothing of it is left, in whichever namespace it was.
 */
export function elsewhere({ place, bootId: boot }: ProcessIdentity): string | null {
  if (place === undefined || place === placeId()) return null;
  const [machine = '', namespace = ''] = place.split('/');
  if (machine !== machineId()) return 'it belongs to another machine (or container) that shares this state folder';
  const rebooted = boot !== '' && bare(boot) !== bare(bootId());
  return rebooted || namespace === pidNamespace()
    ? null
    : 'it belongs to another pid namespace that shares this state folder';
}

/** The process was started under the kernel that runs now, in whichever container. */
export function sameBoot({ bootId: boot }: ProcessIdentity): boolean {
  return boot !== '' && bare(boot) === bare(bootId());
}

function machineId(): string {
  for (const path of ['/etc/machine-id', '/var/lib/dbus/machine-id']) {
    try {
      const id = readFileSync(path, 'utf8').trim();
      if (id) return id;
    } catch {
      // The next one, or the host's name.
    }
  }
  return hostname();
}

function pidNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return '';
  }
}

/** Two identities name one process. */
export function equalIdentity(a: ProcessIdentity, b: ProcessIdentity): boolean {
  return a.pid === b.pid && a.startTime === b.startTime && bare(a.bootId) === bare(b.bootId);
}

/** The id of this boot; the empty string where the system has none. */
export function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return '';
  }
}

const bare = (id: string) => id.replaceAll('-', '');

/** False too where /proc is that of another pid namespace: its numbers are not ours. */
function hasProc(): boolean {
  try {
    return readlinkSync('/proc/self') === String(process.pid);
  } catch {
    return false;
  }
}

const ended = (state: string) => state === 'Z' || state === 'X' || state === 'x';

function readStat(pid: number, path = `/proc/${pid}/stat`): { state: string; startTime: string } | undefined {
  try {
    const text = readFileSync(path, 'latin1');
    // The name in field 2 may hold spaces and parentheses, so count from the last one.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0] ?? '', startTime: fields[19] ?? '' };
  } catch {
    return undefined;
  }
}

/** A killed process is a zombie while its other threads still finish a write: only then is it really over. */
function hasLivingThread(pid: number): boolean {
  try {
    const threads = readdirSync(`/proc/${pid}/task`);
    return threads.some((tid) => {
      const stat = readStat(pid, `/proc/${pid}/task/${tid}/stat`);
      return stat !== undefined && !ended(stat.state);
    });
  } catch {
    return false;
  }
}

function answers(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
