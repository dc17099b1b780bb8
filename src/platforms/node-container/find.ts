import { setImmediate as breathe } from 'node:timers/promises';
import { cgroupsOf } from '../host/cgroups.ts';
import { isZombie, type ProcStat } from '../host/parse.ts';
import { attempt, type ProcFs } from '../host/proc.ts';

/** A container as its processes show it: no runtime is asked. */
export interface Found {
  readonly id: string;
  readonly pod: string | undefined;
  /** Its main process: the one whose parent is outside of it. */
  readonly main: ProcStat;
}

/** Processes between two turns of the event loop. */
const batch = 200;

/**
 * The containers that `wanted` names, by the names of the cgroups that all processes of this pid namespace are in: the
 * same with containerd, CRI-O and Docker, cgroup v1 and v2, systemd's slices or plain folders.
 */
export async function findContainers(
  proc: ProcFs,
  wanted: (names: readonly string[]) => string | undefined,
  signal?: AbortSignal,
): Promise<readonly Found[]> {
  const members = new Map<string, { readonly stats: Map<number, ProcStat>; pod: string | undefined }>();
  let count = 0;
  for (const pid of proc.pids()) {
    if (count++ % batch === batch - 1) await breathe();
    signal?.throwIfAborted();
    const names = [...new Set(cgroupsOf(proc, pid).flatMap(({ path }) => path.split('/')))];
    const id = wanted(names);
    if (id === undefined) continue;
    const stat = attempt(() => proc.stat(pid));
    if (!stat) continue;
    const one = members.get(id) ?? { stats: new Map(), pod: podIn(names) };
    members.set(id, one);
    one.stats.set(pid, stat);
  }
  return [...members]
    .flatMap(([id, { stats, pod }]) => {
      const main = mainOf(proc, stats);
      return main ? [{ id, pod, main }] : [];
    })
    .sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** Those that were put in later, by an exec or by us, have a parent outside as well, but began later. */
function mainOf(proc: ProcFs, stats: ReadonlyMap<number, ProcStat>): ProcStat | undefined {
  const first = [...stats.values()]
    .filter((stat) => !stats.has(stat.ppid) && !isZombie(stat))
    .sort((a, b) => Number(a.startTime) - Number(b.startTime) || a.pid - b.pid);
  return first.find(({ pid }) => !attempt(() => proc.environ(pid, 'ZASHIKI_WORKER'))?.ZASHIKI_WORKER);
}

/** The id of a container that one of the names is made of: the innermost. */
export function containerIn(names: readonly string[]): string | undefined {
  return names.flatMap((name) => /^(?:(?!.*conmon)[a-z-]+-)?([0-9a-f]{64})(?:\.scope)?$/.exec(name)?.[1] ?? []).at(-1);
}

/** Whether the names contain the cgroup of exactly this container: `ID`, or `RUNTIME-ID.scope`. */
export function isIn(names: readonly string[], id: string): boolean {
  return names.some((name) => {
    if (name === id) return true;
    return name.endsWith(`-${id}.scope`) && !name.includes('conmon');
  });
}

/** The uid of the pod that one of the names is made of. */
export function podIn(names: readonly string[]): string | undefined {
  for (const name of names) {
    const uid = /(?:^|-)pod([0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}|[0-9a-f]{32})(?:\.slice)?$/.exec(
      name,
    )?.[1];
    if (uid) return uid.replaceAll('_', '-');
  }
  return undefined;
}
