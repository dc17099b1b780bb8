import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { setImmediate as breathe } from 'node:timers/promises';
import type { Target } from '../../core/model.ts';
import { bootId, requireLinux } from './identity.ts';
import { compileSelector } from './match.ts';
import { attempt, type ProcFs } from './proc.ts';
import { protection } from './protect.ts';
import type { HostSelector } from './selector.ts';
import { openUsers, type Users } from './users.ts';
import { type ProcessView, unitOf, viewOf } from './view.ts';

/** Processes between two turns of the event loop, so that probes keep their pace during a long scan. */
const batch = 100;
const commandLength = 200;

/**
 * All processes that match, by ascending pid. Those that end meanwhile are left out; those that may never be hit
 * carry `protected`. Throws `not-supported` without a Linux /proc, and the signal's reason when aborted.
 */
export async function discover(selector: HostSelector, proc: ProcFs, signal?: AbortSignal): Promise<readonly Target[]> {
  requireLinux(proc);
  if (selector.machine) return [machine(proc)];
  const users = openUsers();
  const matches = compileSelector(selector, proc, users);
  const protectedBy = protection(proc, proc.self(), { anyOwner: selector.anyOwner ?? false });
  const boot = bootId(proc);
  const targets: Target[] = [];
  let count = 0;
  for (const pid of proc.pids()) {
    if (count++ % batch === batch - 1) await breathe();
    signal?.throwIfAborted();
    const stat = attempt(() => proc.stat(pid));
    if (!stat) continue;
    const view = viewOf(proc, stat);
    if (!matches(view)) continue;
    const target = describe(view, boot, users, protectedBy(view));
    // The reads of one view are not one moment: make sure that all of them were of the same process.
    if (attempt(() => proc.stat(pid))?.startTime === stat.startTime) targets.push(target);
  }
  return targets;
}

function describe(view: ProcessView, boot: string, users: Users, reason: string | undefined): Target {
  const { stat } = view;
  const [unit, exe, uid] = [unitOf(view), view.exe(), view.uid()];
  return {
    platform: 'host',
    id: `pid:${stat.pid}`,
    name: printable(stat.comm),
    identity: { pid: stat.pid, startTime: stat.startTime, bootId: boot },
    labels: {
      ...(uid === undefined ? {} : { user: users.nameOf(uid) }),
      command: printable(view.command()).slice(0, commandLength),
      ...(exe ? { exe: printable(exe) } : {}),
      ...(unit ? { unit } : {}),
      ppid: String(stat.ppid),
    },
    group: unit ?? groupOf(view),
    ...(reason ? { protected: reason } : {}),
  };
}

/** Peers without a unit: the same program under the same parent; daemons, which have none, by program alone. */
function groupOf(view: ProcessView): string {
  const program = view.exe() ?? view.stat.comm;
  return view.stat.ppid > 1 ? `${program} of pid ${view.stat.ppid}` : program;
}

function machine(proc: ProcFs): Target {
  return {
    platform: 'host',
    id: 'machine',
    name: hostname(),
    identity: machineIdentity(proc),
    labels: { kernel: proc.text('sys/kernel/osrelease').trim() },
  };
}

/** Outlives a reboot, because what is done to a machine's files does. */
export function machineIdentity(proc: ProcFs): { readonly machine: string } {
  const known = attempt(() => readFileSync('/etc/machine-id', 'utf8'))?.trim();
  return { machine: known || proc.text('sys/kernel/hostname').trim() };
}

/** Control characters would act on the terminal that shows them. */
const printable = (text: string): string => text.replace(/\p{Cc}/gu, '?');
