import { attempt, type ProcFs } from './proc.ts';
import type { ProcessView } from './view.ts';

const tables = [
  { file: 'tcp', listening: '0A' },
  { file: 'tcp6', listening: '0A' },
  // UDP has no listening state: 07 is a socket that is bound and not connected.
  { file: 'udp', listening: '07' },
  { file: 'udp6', listening: '07' },
] as const;

/**
 * Processes that hold a listening socket on one of these ports, each looked up in its own network namespace. Several
 * processes may share a socket; all of them match. Processes whose descriptors may not be read do not.
 */
export function listeningOn(ports: ReadonlySet<number>, proc: ProcFs): (view: ProcessView) => boolean {
  const inodes = new Map<string, ReadonlySet<string>>();
  return (view) => {
    const namespace = view.netNamespace();
    if (namespace === undefined) return false;
    const known = inodes.get(namespace) ?? listeningInodes(proc, view.stat.pid, ports);
    inodes.set(namespace, known);
    return known.size > 0 && view.sockets().some((inode) => known.has(inode));
  };
}

/** TCP ports that something listens on in our own network namespace, ascending. */
export function listeningPorts(proc: ProcFs): readonly number[] {
  const ports = new Set<number>();
  for (const { file, listening } of tables) {
    if (file.startsWith('udp')) continue;
    const text = attempt(() => proc.text(`self/net/${file}`)) ?? '';
    for (const line of text.split('\n').slice(1)) {
      const [, local = '', , state] = line.trim().split(/\s+/);
      if (state === listening) ports.add(Number.parseInt(local.slice(local.lastIndexOf(':') + 1), 16));
    }
  }
  return [...ports].sort((a, b) => a - b);
}

/** Inodes of the sockets that listen on `ports` in the network namespace of a process. */
function listeningInodes(proc: ProcFs, pid: number, ports: ReadonlySet<number>): ReadonlySet<string> {
  const found = new Set<string>();
  for (const { file, listening } of tables) {
    const text = attempt(() => proc.text(`${pid}/net/${file}`)) ?? '';
    for (const line of text.split('\n').slice(1)) {
      const fields = line.trim().split(/\s+/);
      const [local, state, inode] = [fields[1], fields[3], fields[9]];
      if (!local || state !== listening || !inode) continue;
      if (ports.has(Number.parseInt(local.slice(local.lastIndexOf(':') + 1), 16))) found.add(inode);
    }
  }
  return found;
}
