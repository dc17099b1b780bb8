import { readFileSync } from 'node:fs';
import { UsageError } from './command-line.ts';
import { LabError } from './say.ts';

/** Why everything is being ended. */
class Interrupted extends Error {
  readonly code: number;
  constructor(why: string, code: number) {
    super(why);
    this.code = code;
  }
}

/** Aborts on SIGINT, SIGTERM, SIGHUP, and when the program that started us is gone (then nobody reads the result). */
export function lifeline(): AbortSignal {
  const controller = new AbortController();
  const signals = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 } as const;
  for (const [name, number] of Object.entries(signals))
    process.on(name, () => controller.abort(new Interrupted(`ended by ${name}`, 128 + number)));
  const caller = callers();
  const watch = setInterval(() => {
    if (callers() !== caller) controller.abort(new Interrupted('the caller is gone', 143));
  }, 500);
  watch.unref();
  return controller.signal;
}

/** Who started us. npm puts a shell in between, which stays when npm is killed. */
function callers(): string {
  const parent = process.ppid;
  if (process.env.npm_lifecycle_event === undefined) return String(parent);
  try {
    const text = readFileSync(`/proc/${parent}/stat`, 'utf8');
    return `${parent} ${text.slice(text.lastIndexOf(')') + 2).split(' ')[1]}`;
  } catch {
    return 'gone';
  }
}

/** Tell the error and give the exit code: 2 usage, 125 the lab failed, 128 + number for a signal. */
export function ended(error: unknown, usage: string): number {
  if (error instanceof Interrupted) {
    console.error(`lab:vm: ${error.message}; the guest is gone`);
    return error.code;
  }
  if (error instanceof UsageError) {
    console.error(`lab:vm: ${error.message}\n\n${usage}`);
    return 2;
  }
  if (error instanceof LabError) console.error(`lab:vm: ${error.message}\n  what to do: ${error.hint}`);
  else console.error(error);
  return 125;
}
