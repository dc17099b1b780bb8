import { bootId } from '../host/identity.ts';
import type { CgroupLine } from '../host/parse.ts';
import { attempt, type ProcFs } from '../host/proc.ts';

/** A process of this machine that we may do anything to. */
export interface LocalProcess {
  readonly pid: number;
  readonly startTime: string;
  readonly bootId: string;
}

/**
 * The main process of a container, when it really is a process of this machine: the engine's word for its pid is not
 * enough (it may run elsewhere), so its cgroup or its mounts must name the container. Undefined when it does not, and
 * when we are not root.
 */
export function localProcess(
  proc: ProcFs,
  id: string,
  pid: number | null,
  euid = process.geteuid?.(),
): LocalProcess | undefined {
  if (pid === null || euid !== 0 || process.platform !== 'linux') return undefined;
  const before = attempt(() => proc.stat(pid));
  if (!before || !belongsTo(proc, pid, id)) return undefined;
  // The reads of one process are not one moment.
  if (attempt(() => proc.stat(pid))?.startTime !== before.startTime) return undefined;
  return { pid, startTime: before.startTime, bootId: bootId(proc) };
}

function belongsTo(proc: ProcFs, pid: number, id: string): boolean {
  const groups: readonly CgroupLine[] = attempt(() => proc.cgroup(pid)) ?? [];
  if (groups.some(({ path }) => path.includes(id))) return true;
  return (attempt(() => proc.text(`${pid}/mountinfo`)) ?? '').includes(`/${id}/`);
}

/** Ids of the containers that this process runs in, as far as that can be seen from inside. */
export function ownContainers(proc: ProcFs, hostname: string): (id: string) => boolean {
  const self = proc.self();
  const cgroups = (attempt(() => proc.cgroup(self)) ?? []).map(({ path }) => path).join('\n');
  // Docker and Podman mount /etc/hostname and /etc/resolv.conf from a folder named by the id.
  const mounts = (attempt(() => proc.text('self/mountinfo')) ?? '')
    .split('\n')
    .filter((line) => /\/(hostname|hosts|resolv\.conf) /.test(line))
    .join('\n');
  const named = new Set(`${cgroups}\n${mounts}`.match(/[0-9a-f]{64}/g) ?? []);
  const short = /^[0-9a-f]{12}$/.test(hostname) ? hostname : undefined;
  return (id) => named.has(id) || (short !== undefined && id.startsWith(short));
}
