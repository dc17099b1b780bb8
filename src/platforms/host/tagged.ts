import { isZombie, type ProcStat } from './parse.ts';
import { attempt, type ProcFs } from './proc.ts';

export type TagName = 'ZASHIKI_WORKER' | 'ZASHIKI_RESPAWN';

/** Living processes that were started with this tag in their environment, oldest first. */
export function tagged(proc: ProcFs, name: TagName, tag: string): readonly ProcStat[] {
  return living(proc)
    .filter(({ pid }) => attempt(() => proc.environ(pid, `${name}=${tag}`))?.[name] === tag)
    .sort((a, b) => Number(a.startTime) - Number(b.startTime) || a.pid - b.pid);
}

/**
 * Like `tagged`, with all that these have started: their descendants, and the session of each one that leads a
 * session. So a child that has written over its environment (stress-ng does) is found as well. `sessions` are those
 * that an earlier look gave, for when their leader has ended since. Never ourselves.
 */
export function taggedTree(
  proc: ProcFs,
  name: TagName,
  tag: string,
  sessions: ReadonlySet<number> = new Set(),
): readonly ProcStat[] {
  const found = new Map(tagged(proc, name, tag).map((stat) => [stat.pid, stat]));
  if (found.size === 0 && sessions.size === 0) return [];
  const all = living(proc);
  for (let before = -1; before !== found.size; ) {
    before = found.size;
    for (const stat of all) {
      const { ppid, session } = stat;
      if (found.has(ppid) || found.has(session) || sessions.has(session)) found.set(stat.pid, stat);
    }
  }
  found.delete(proc.self());
  return [...found.values()];
}

function living(proc: ProcFs): readonly ProcStat[] {
  return proc.pids().flatMap((pid) => {
    const stat = attempt(() => proc.stat(pid));
    return stat && !isZombie(stat) ? [stat] : [];
  });
}
