import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { endContainers, hierarchies, inside, removeGroups } from '../docker/clean.ts';
import { kill, pidsWith, textOf, until } from '../docker/proc.ts';
import { markOf } from './machine.ts';
import { cacheFolder, clustersFolder, isName, type Place, placeOf } from './place.ts';

/**
 * End and remove all of a cluster, whatever state it is in. Namespaces, mounts and cables are gone with the processes
 * that live in them. Does nothing where nothing is. Returns what could not be removed.
 */
export async function clean(place: Place): Promise<readonly string[]> {
  for (let round = 0; round < 20; round++) {
    for (const pid of pidsWith(markOf(place))) kill(pid);
    endContainers(place);
    if (await until(() => living(place).length === 0, 1000)) break;
  }
  if (hasLink(place)) tool('ip', ['link', 'delete', 'dev', place.link]);
  for (const root of hierarchies()) removeGroups(join(root, place.cgroup));
  for (const point of mounts(place)) tool('umount', ['--lazy', '--', point]);
  const left = living(place).map((pid) => `process ${pid}`);
  try {
    rmSync(place.folder, { recursive: true, force: true, maxRetries: 5 });
  } catch (error) {
    left.push(`${place.folder}: ${error}`);
  }
  return left;
}

/** Is anything left of a cluster: a process, a cable, a mount, a cgroup, a file? One line each. */
export function traces(place: Place): readonly string[] {
  return [
    ...living(place).map((pid) => `process ${pid} ${textOf(`/proc/${pid}/comm`).trim()}`),
    ...(hasLink(place) ? [`link ${place.link}`] : []),
    ...mounts(place).map((point) => `mount ${point}`),
    ...hierarchies()
      .map((root) => join(root, place.cgroup))
      .filter((path) => existsSync(path))
      .map((path) => `cgroup ${path}`),
    ...(existsSync(place.folder) ? [`folder ${place.folder}`] : []),
  ];
}

/** What the parts of a cluster that failed have said, for a person to read. */
export function keepLogs({ name, logs }: Place): void {
  const to = join(cacheFolder(), `failed-${name}`);
  rmSync(to, { recursive: true, force: true });
  if (existsSync(logs)) cpSync(logs, to, { recursive: true });
}

/** Clusters that left a folder or cgroups behind, and that nobody may keep any more. */
export function remains(): readonly Place[] {
  const folders = [clustersFolder(), ...hierarchies().map((root) => join(root, 'zashiki-lab-kubernetes'))];
  const names = folders.filter((folder) => existsSync(folder)).flatMap((folder) => namesIn(folder));
  return [...new Set(names)].map((name) => placeOf(name));
}

const namesIn = (folder: string): readonly string[] =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() && isName(entry.name) ? [entry.name] : [],
  );

const living = (place: Place): readonly number[] => [...new Set([...pidsWith(markOf(place)), ...inside(place)])];

const hasLink = ({ link }: Place): boolean => existsSync(`/sys/class/net/${link}`);

function mounts({ folder }: Place): readonly string[] {
  const points = textOf('/proc/self/mountinfo')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '');
  return points.filter((point) => `${point}/`.startsWith(`${folder}/`)).reverse();
}

function tool(program: string, args: readonly string[]): void {
  try {
    execFileSync(program, args, { stdio: 'ignore' });
  } catch {
    // Told by `traces` when it matters.
  }
}
