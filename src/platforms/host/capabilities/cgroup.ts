import type { CgroupCapability } from '../../../capabilities/cgroup.ts';
import type { TargetRef } from '../../../core/model.ts';
import { cgroupsOf, mainCgroup, moveInto, sameCgroups } from '../cgroups.ts';
import { gone, livingStat, pinned } from '../identity.ts';
import { type CgroupLine, isEnding, tickMs } from '../parse.ts';
import { attempt, type ProcFs } from '../proc.ts';
import { findWorkers, launchWorker, stopWorkers } from '../workers.ts';
import { memoryRoom } from './bounds.ts';

/**
 * Workers beside a process, or (target `machine`) anywhere on the host. A worker is started in our own cgroup and
 * moved at once, with the children that it may have by then; what it allocates before stays accounted to us.
 */
export function cgroupCapability(target: TargetRef, proc: ProcFs): CgroupCapability {
  const ofMachine = target.id === 'machine';
  const wanted = (): readonly CgroupLine[] | undefined => {
    if (ofMachine) return undefined;
    const identity = pinned(target);
    const lines = livingStat(proc, identity) ? cgroupsOf(proc, identity.pid) : [];
    if (lines.length === 0) throw gone(target);
    return lines;
  };
  const find = (tag: string) => findWorkers(proc, tag);

  return {
    async start(worker) {
      const cgroup = wanted();
      const pid = await launchWorker(worker);
      if (!cgroup) return { pid, inside: true, cgroup: '/' };
      // Children that were forked meanwhile are still outside: go on until nobody is left who could be moved.
      for (let round = 0; round < 5; round++) {
        const outside = [pid, ...find(worker.tag).map((stat) => stat.pid)].filter(
          (each) => !isInside(proc, each, cgroup),
        );
        if (outside.length === 0) break;
        for (const each of outside) attempt(() => moveInto(proc, each, cgroup));
      }
      return { pid, inside: isInside(proc, pid, cgroup), cgroup: mainCgroup(cgroup) };
    },
    find: async (tag) => find(tag).map(({ pid }) => pid),
    stop: (tag) => stopWorkers(proc, tag, target),
    async room() {
      if (ofMachine) return null;
      const identity = pinned(target);
      if (!livingStat(proc, identity)) throw gone(target);
      return attempt(() => memoryRoom(proc, identity.pid)) ?? null;
    },
    async usage(tag) {
      let [ticks, rssBytes, writtenBytes] = [0, 0, 0];
      for (const { pid } of find(tag)) {
        const stat = attempt(() => proc.stat(pid));
        ticks += stat ? stat.utime + stat.stime + stat.childTime : 0;
        rssBytes += attempt(() => proc.status(pid))?.rssBytes ?? 0;
        writtenBytes += Number(/^wchar: (\d+)/m.exec(attempt(() => proc.text(`${pid}/io`)) ?? '')?.[1] ?? 0);
      }
      return { cpuMs: ticks * tickMs, rssBytes, writtenBytes };
    },
  };
}

/** An ended process is nowhere that it should not be; with v1 it seems to be in the root group until it is collected. */
function isInside(proc: ProcFs, pid: number, wanted: readonly CgroupLine[]): boolean {
  const now = cgroupsOf(proc, pid);
  if (now.length === 0 || sameCgroups(wanted, now)) return true;
  const stat = attempt(() => proc.stat(pid));
  return stat === undefined || isEnding(stat);
}
