import { writeFileSync } from 'node:fs';
import { parseMounts } from './mounts.ts';
import type { CgroupLine } from './parse.ts';
import { attempt, errno, type ProcFs } from './proc.ts';

/** Hierarchies that share out CPU, memory, I/O and process counts; '' is the unified one. */
const resources = ['', 'cpu', 'cpuacct', 'memory', 'blkio', 'io', 'pids', 'cpuset'];

/** Whether two processes share all cgroups that bound their resources. */
export function sameCgroups(a: readonly CgroupLine[], b: readonly CgroupLine[]): boolean {
  return a.filter(boundsResources).every((line) => b.some((other) => sameLine(line, other)));
}

/** The cgroup to show to a person: where memory is accounted, else the unified one. */
export function mainCgroup(lines: readonly CgroupLine[]): string {
  const memory = lines.find(({ controllers }) => controllers.split(',').includes('memory'));
  return (memory ?? lines.find(({ controllers }) => controllers === '') ?? lines[0])?.path ?? '/';
}

/** Move a process into these cgroups as far as we may; what is not mounted or not permitted is left as it is. */
export function moveInto(proc: ProcFs, pid: number, wanted: readonly CgroupLine[]): void {
  const now = proc.cgroup(pid);
  const mounts = cgroupMounts(proc.text('self/mountinfo'));
  for (const line of wanted) {
    // In a frozen one (v1) nothing hears SIGKILL: what is started beside a paused target must be ended all the same.
    if (line.controllers.split(',').includes('freezer')) continue;
    if (now.some((other) => sameLine(line, other))) continue;
    const folder = folderOf(line, mounts);
    if (folder === undefined) continue;
    try {
      writeFileSync(`${folder}/cgroup.procs`, String(pid));
    } catch (error) {
      if (errno(error) === undefined) throw error;
    }
  }
}

interface CgroupMount {
  /** Empty for v2. */
  readonly controllers: readonly string[];
  /** Which cgroup the mount point shows. */
  readonly root: string;
  readonly folder: string;
}

/** Mount points of cgroup hierarchies in the text of /proc/self/mountinfo. */
export function cgroupMounts(mountinfo: string): readonly CgroupMount[] {
  return parseMounts(mountinfo).flatMap(({ type, root, point, superOptions }) => {
    if (type !== 'cgroup' && type !== 'cgroup2') return [];
    return [{ controllers: type === 'cgroup2' ? [] : superOptions.split(','), root, folder: point }];
  });
}

/** The folder of one line of /proc/PID/cgroup; undefined when its hierarchy, or this part of it, is not mounted. */
export function folderOf(line: CgroupLine, mounts: readonly CgroupMount[]): string | undefined {
  const names = line.controllers.split(',').filter(Boolean);
  for (const { controllers, root, folder } of mounts) {
    const fits = names.length === 0 ? controllers.length === 0 : names.every((name) => controllers.includes(name));
    const below = root === '/' ? line.path : line.path === root ? '/' : undefined;
    const rest = below ?? (line.path.startsWith(`${root}/`) ? line.path.slice(root.length) : undefined);
    // `/../x` is a cgroup outside of our cgroup namespace.
    if (fits && rest !== undefined && !rest.startsWith('/..')) return folder + (rest === '/' ? '' : rest);
  }
  return undefined;
}

const sameLine = (a: CgroupLine, b: CgroupLine) => a.controllers === b.controllers && a.path === b.path;

const boundsResources = ({ controllers }: CgroupLine) =>
  controllers.split(',').some((name) => resources.includes(name));

/** The cgroups of a process, or none when it ended. */
export const cgroupsOf = (proc: ProcFs, pid: number): readonly CgroupLine[] => attempt(() => proc.cgroup(pid)) ?? [];
