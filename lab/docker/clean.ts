import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Place } from './place.ts';
import { kill, pidsWith, textOf, until } from './proc.ts';

/** The variable that marks dockerd, containerd, shims and proxies of one engine. */
export const markOf = (place: Place): string => `ZASHIKI_LAB_DOCKER=${place.name}`;

/**
 * End and remove all of an engine, whatever state it is in: containers (frozen ones too), daemon, shims, mounts,
 * network namespaces, bridges, cgroups, data. Does nothing where nothing is. Returns what could not be removed.
 */
export async function clean(place: Place): Promise<readonly string[]> {
  const left: string[] = [];
  const daemons = () => pidsWith(markOf(place));
  endContainers(place);
  for (const pid of daemons()) if (/^dockerd$/m.test(textOf(`/proc/${pid}/comm`))) kill(pid, 'SIGTERM');
  const isDockerd = (pid: number) => textOf(`/proc/${pid}/comm`) === 'dockerd\n';
  await until(() => !daemons().some(isDockerd), 10_000);
  for (let round = 0; round < 10; round++) {
    for (const pid of daemons()) kill(pid);
    endContainers(place);
    if (await until(() => daemons().length === 0 && inside(place).length === 0, 1000)) break;
  }
  left.push(...[...daemons(), ...inside(place)].map((pid) => `process ${pid}`));
  unmount([`${place.run}/`, `${place.data}/`]);
  for (const link of links(place)) tool('ip', ['link', 'delete', 'dev', link]);
  for (const root of hierarchies()) removeGroups(join(root, place.cgroup));
  for (const path of [place.run, place.data]) {
    try {
      rmSync(path, { recursive: true, force: true, maxRetries: 5 });
    } catch (error) {
      left.push(`${path}: ${error}`);
    }
  }
  return left;
}

/** Is anything left of an engine: a daemon, a bridge, a mount, a cgroup, a file? One line each. */
export function traces(place: Place): readonly string[] {
  return [
    ...pidsWith(markOf(place)).map((pid) => `process ${pid} ${textOf(`/proc/${pid}/comm`).trim()}`),
    ...inside(place).map((pid) => `process ${pid} in its cgroup`),
    ...mounts([`${place.run}/`, `${place.data}/`]).map((point) => `mount ${point}`),
    ...links(place).map((link) => `link ${link}`),
    ...hierarchies()
      .map((root) => join(root, place.cgroup))
      .filter((path) => existsSync(path))
      .map((path) => `cgroup ${path}`),
    ...[place.run, place.data].filter((path) => existsSync(path)).map((path) => `folder ${path}`),
  ];
}

/** Roots of all mounted cgroup hierarchies, v1 and v2. */
export function hierarchies(): readonly string[] {
  return textOf('/proc/self/mounts')
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([, , type]) => type === 'cgroup' || type === 'cgroup2')
    .map(([, point]) => point ?? '');
}

/** A cgroup and all below it, deepest first. Groups come and go while this looks. */
export function groups(path: string): readonly string[] {
  try {
    const below = readdirSync(path, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    return [...below.flatMap((entry) => groups(join(path, entry.name))), path];
  } catch {
    return [];
  }
}

/** Processes in any cgroup of the engine's containers. */
export function inside(place: Pick<Place, 'cgroup'>): readonly number[] {
  const all = hierarchies().flatMap((root) => groups(join(root, place.cgroup)));
  const pids = all.flatMap((path) => textOf(join(path, 'cgroup.procs')).split('\n').filter(Boolean).map(Number));
  return [...new Set(pids)].filter((pid) => pid > 0);
}

/** A frozen process does not hear SIGKILL (cgroup v1): thaw first. */
export function endContainers(place: Pick<Place, 'cgroup'>): void {
  for (const path of hierarchies().flatMap((root) => groups(join(root, place.cgroup)))) {
    write(join(path, 'freezer.state'), 'THAWED');
    write(join(path, 'cgroup.freeze'), '0');
  }
  for (const pid of inside(place)) kill(pid);
}

function write(path: string, text: string): void {
  if (!existsSync(path)) return;
  try {
    writeFileSync(path, text);
  } catch {
    // The root group of a hierarchy cannot be thawed.
  }
}

/** Remove a cgroup and all below it, as far as they are empty. */
export function removeGroups(path: string): void {
  for (const each of groups(path)) {
    try {
      rmdirSync(each);
    } catch {
      // Reported by `traces` when it matters.
    }
  }
}

function mounts(folders: readonly string[]): readonly string[] {
  const points = textOf('/proc/self/mountinfo')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '');
  return points.filter((point) => folders.some((folder) => `${point}/`.startsWith(folder))).reverse();
}

function unmount(folders: readonly string[]): void {
  for (const point of mounts(folders)) tool('umount', ['--lazy', '--', point]);
}

/** Bridges of the engine: its default one, and all that have an address of its range. */
function links(place: Place): readonly string[] {
  const text = tool('ip', ['-json', 'address', 'show', 'type', 'bridge']) || '[]';
  const found: { ifname?: string; addr_info?: { local?: string }[] }[] = JSON.parse(text);
  return found
    .filter(
      ({ ifname, addr_info }) =>
        ifname === place.bridge || addr_info?.some(({ local }) => local?.startsWith(`${place.prefix}.`)),
    )
    .flatMap(({ ifname }) => (ifname ? [ifname] : []));
}

function tool(program: string, args: readonly string[]): string {
  try {
    return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    return '';
  }
}
