import { existsSync, readFileSync, readlinkSync } from 'node:fs';
import { resolve } from 'node:path';

/** What a container looks like from inside; default: read from this machine. */
export interface Inside {
  /** Text of /proc/self/mountinfo; empty where there is none. */
  readonly mounts: string;
  /** Docker or Podman left its mark at the root. */
  readonly marked: boolean;
  /** We are in the machine's own pid namespace: machines made from images carry the mark, too. */
  readonly onMachine: boolean;
}

/**
 * Does the state folder end with this container? True inside a container when the folder is on the container's own file
 * system, or in memory: what undoes a fault is then lost with the container.
 */
export function endsWithContainer(state: string, { mounts, marked, onMachine }: Inside = here()): boolean {
  if (onMachine) return false;
  const points = mounts
    .split('\n')
    .filter((line) => line.includes(' - '))
    .map((line) => ({ point: unescaped(line.split(' ')[4] ?? ''), type: line.split(' - ')[1]?.split(' ')[0] ?? '' }));
  const root = points.findLast(({ point }) => point === '/');
  if (!marked && !/overlay|aufs/.test(root?.type ?? '')) return false;
  const path = `${resolve(state)}/`;
  const holder = points
    .filter(({ point }) => path.startsWith(point === '/' ? '/' : `${point}/`))
    .reduce((best, each) => (each.point.length >= best.point.length ? each : best), { point: '', type: '' });
  return holder.point === '/' || holder.point === '' || /^(tmpfs|ramfs)$/.test(holder.type);
}

function here(): Inside {
  let mounts = '';
  try {
    mounts = readFileSync('/proc/self/mountinfo', 'utf8');
  } catch {
    // Not Linux: then no container of Linux either.
  }
  const marked = existsSync('/.dockerenv') || existsSync('/run/.containerenv');
  return { mounts, marked, onMachine: pidNamespace() === firstPidNamespace };
}

/** The kernel's fixed number of the first pid namespace (PROC_PID_INIT_INO). */
const firstPidNamespace = 'pid:[4026531836]';

function pidNamespace(): string | undefined {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return undefined;
  }
}

/** Spaces and the like are written as `\040`. */
const unescaped = (text: string) =>
  text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
