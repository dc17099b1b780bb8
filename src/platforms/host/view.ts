import { basename } from 'node:path';
import { type CgroupLine, type ProcStat, unitsOf } from './parse.ts';
import { attempt, type ProcFs } from './proc.ts';

/** One process during one discovery: what is asked for is read once, and undefined when it may not be read. */
export interface ProcessView {
  readonly stat: ProcStat;
  readonly argv: () => readonly string[];
  /** Arguments joined by one space; the name in brackets, as ps shows it, when there are none. */
  readonly command: () => string;
  /** The user that it acts as. */
  readonly uid: () => number | undefined;
  readonly cgroup: () => readonly CgroupLine[];
  readonly environ: () => Readonly<Record<string, string>> | undefined;
  /** Those variables that are meant for us, and maybe others. */
  readonly marks: () => Readonly<Record<string, string>> | undefined;
  /** Path of the program file; undefined when it may not be read. */
  readonly exe: () => string | undefined;
  readonly netNamespace: () => string | undefined;
  /** Inodes of its open sockets; empty when its descriptors may not be read. */
  readonly sockets: () => readonly string[];
}

/** Look at one process, lazily. */
export function viewOf(proc: ProcFs, stat: ProcStat): ProcessView {
  const { pid } = stat;
  const argv = once(() => attempt(() => proc.argv(pid)) ?? []);
  return {
    stat,
    argv,
    command: once(() => argv().join(' ').trimEnd() || `[${stat.comm}]`),
    uid: once(() => attempt(() => proc.owner(pid))),
    cgroup: once(() => attempt(() => proc.cgroup(pid)) ?? []),
    environ: once(() => attempt(() => proc.environ(pid))),
    marks: once(() => attempt(() => proc.environ(pid, 'ZASHIKI_'))),
    exe: once(() => attempt(() => proc.link(pid, 'exe'))?.replace(/ \(deleted\)$/, '')),
    netNamespace: once(() => attempt(() => proc.link(pid, 'ns/net'))),
    sockets: once(() => socketsOf(proc, pid)),
  };
}

/** The innermost systemd service or scope of a process, if any. */
export function unitOf(view: ProcessView): string | undefined {
  return units(view).findLast((name) => !name.endsWith('.slice'));
}

/** All systemd units that a process belongs to, slices included. */
export function units(view: ProcessView): readonly string[] {
  const lines = view.cgroup().filter(({ controllers }) => controllers === '' || controllers === 'name=systemd');
  return [...new Set(lines.flatMap(({ path }) => unitsOf(path)))];
}

/** File names that a person may mean by the process's name: the program, argv[0], and a script's own name. */
export function fileNames(view: ProcessView): readonly string[] {
  const [program, script] = view.argv();
  return [view.exe(), program, script].flatMap((path) => (path ? [basename(path)] : []));
}

function socketsOf(proc: ProcFs, pid: number): readonly string[] {
  const fds = attempt(() => proc.numbers(pid, 'fd')) ?? [];
  return fds.flatMap((fd) => {
    const link = attempt(() => proc.link(pid, `fd/${fd}`));
    return link?.startsWith('socket:[') ? [link.slice(8, -1)] : [];
  });
}

function once<T>(read: () => T): () => T {
  let known: { readonly value: T } | undefined;
  return () => {
    known ??= { value: read() };
    return known.value;
  };
}
