import { readdirSync, readFileSync } from 'node:fs';

/** A process as /proc shows it. */
export interface Seen {
  readonly pid: number;
  /** Its arguments, joined by one space. */
  readonly line: string;
  /** R, S, T, Z … */
  readonly state: string;
  readonly startTime: string;
}

/** All processes, zombies left out, whose command line the test accepts. */
export function processes(accept: (line: string, pid: number) => boolean): readonly Seen[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => accept(commandLine(pid), pid))
    .flatMap((pid) => seen(pid) ?? [])
    .sort((a, b) => a.pid - b.pid);
}

/** One process; undefined when it is gone, or a zombie. */
export function seen(pid: number): Seen | undefined {
  const stat = read(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state = '', startTime = ''] = [fields[0], fields[19]];
  return stat === '' || state === 'Z' || state === 'X' ? undefined : { pid, line: commandLine(pid), state, startTime };
}

const commandLine = (pid: number) => read(`/proc/${pid}/cmdline`).split('\0').filter(Boolean).join(' ');

/** The environment that a process was started with; nothing for one of somebody else. */
export const environment = (pid: number): readonly string[] => read(`/proc/${pid}/environ`).split('\0').filter(Boolean);

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
