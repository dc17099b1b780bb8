import { readdirSync, readFileSync } from 'node:fs';

/** Text of a file, or '' when it cannot be read. */
export function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** Pids of all living processes with this variable in the environment that they were started with. */
export function pidsWith(variable: string): readonly number[] {
  return pids().filter((pid) => textOf(`/proc/${pid}/environ`).split('\0').includes(variable) && !isZombie(pid));
}

/** Ended, and not yet collected by its parent. */
export const isZombie = (pid: number): boolean => /\) [ZX] /.test(textOf(`/proc/${pid}/stat`));

function pids(): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => pid !== process.pid);
}

/** SIGKILL; no error when it has ended. */
export function kill(pid: number, signal: NodeJS.Signals = 'SIGKILL'): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended.
  }
}

/** Poll until `check` is true; false after `ms`. */
export async function until(check: () => boolean, ms: number): Promise<boolean> {
  const end = performance.now() + ms;
  for (let wait = 5; !check(); wait = Math.min(wait * 2, 100)) {
    if (performance.now() > end) return false;
    await new Promise((resolve) => setTimeout(resolve, wait));
  }
  return true;
}
