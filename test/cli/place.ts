import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { test as plain, vi } from 'vitest';
import type { JournalEvent } from '../../src/core/events.ts';

export const root = resolve(import.meta.dirname, '../..');
// Several processes a test, on a machine that may be busy.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000, maxConcurrency: 3 });

/** The built command line; ZASHIKI_TEST_CLI names another build of it. */
export const cli = process.env.ZASHIKI_TEST_CLI ?? join(root, 'dist/cli/main.cjs');

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface StartOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Written to standard input, which is then closed. Default: nothing, closed at once; null: it stays open. */
  readonly input?: string | null;
}

/** A process that goes on. */
export interface Running {
  readonly child: ChildProcess;
  readonly pid: number;
  stdout(): string;
  stderr(): string;
  readonly ended: Promise<Ended>;
}

/** A folder, a state folder and targets of one test; all is ended and removed afterwards. */
export interface Place {
  readonly dir: string;
  readonly state: string;
  /** Name of the environment variable that marks this test's targets. */
  readonly mark: string;
  readonly env: NodeJS.ProcessEnv;
  write(name: string, content: string | object): string;
  /** Start any program with this place's environment. */
  start(file: string, args: readonly string[], options?: StartOptions): Running;
  zashiki(args: readonly string[], options?: StartOptions): Running;
  /** `zashiki ARGS…` until it has ended. */
  run(args: readonly string[], options?: StartOptions): Promise<Ended>;
  /** Start a target; resolves to its pid as soon as discovery can find it. */
  target(role?: string, program?: readonly string[]): Promise<number>;
  /** Events of a run as its journal has them; `last` by default. */
  events(run?: string): readonly JournalEvent[];
  runs(): readonly string[];
  /** Command lines of this place's living processes, targets left out. */
  helpers(): readonly string[];
}

/** `test` with a place of its own. */
export const test = plain.extend<{ place: Place }>({
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads the fixtures that are needed from the pattern
  place: async ({}, use) => {
    if (!existsSync(cli)) throw new Error(`there is no ${cli}: run npm run build first`);
    const { place, close } = await openPlace();
    try {
      await use(place);
    } finally {
      await close();
    }
  },
});

async function openPlace(): Promise<{ readonly place: Place; readonly close: () => Promise<void> }> {
  const dir = await mkdtemp(join(tmpdir(), 'zashiki-cli-'));
  const state = join(dir, 'state');
  const mark = `ZASHIKI_TEST_${randomBytes(6).toString('hex').toUpperCase()}`;
  const inPlace = `${mark}_PLACE`;
  const { ZASHIKI_TOKEN: _, FORCE_COLOR: __, NO_COLOR: ___, CI: ____, ...inherited } = process.env;
  const env: NodeJS.ProcessEnv = { ...inherited, ZASHIKI_STATE: state, HOME: dir, TERM: 'xterm', [inPlace]: '1' };

  const start: Place['start'] = (file, args, options = {}) => {
    const child = spawn(file, args, {
      cwd: options.cwd ?? dir,
      env: { ...env, ...options.env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.stdin.on('error', () => {});
    if (options.input !== null) child.stdin.end(options.input ?? '');
    const ended = new Promise<Ended>((done, failed) => {
      child.on('error', failed);
      child.on('close', (code, signal) => done({ code, signal, stdout, stderr }));
    });
    return { child, pid: child.pid ?? 0, stdout: () => stdout, stderr: () => stderr, ended };
  };
  const place: Place = {
    ...{ dir, state, mark, env, start },
    write(name, content) {
      const path = join(dir, name);
      mkdirSync(join(path, '..'), { recursive: true });
      writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content, null, 2));
      return path;
    },
    zashiki: (args, options) => start(process.execPath, [cli, ...args], options),
    run: (args, options) => place.zashiki(args, options).ended,
    async target(role = 'target', program = ['sleep', '600']) {
      const [file = '', ...args] = program;
      const child = spawn(file, args, { cwd: dir, env: { ...env, [mark]: role }, stdio: 'ignore', detached: true });
      child.on('error', () => {});
      const pid = child.pid ?? 0;
      await until(() => readFileSync(`/proc/${pid}/environ`, 'latin1').includes(`${mark}=${role}`));
      return pid;
    },
    runs: () => (existsSync(join(state, 'runs')) ? readdirSync(join(state, 'runs')).sort() : []),
    events(run) {
      const id = run ?? place.runs().at(-1);
      if (id === undefined) return [];
      return jsonLines(readFileSync(join(state, 'runs', id, 'journal.jsonl'), 'utf8')) as JournalEvent[];
    },
    helpers: () => processesWith(`${inPlace}=1`).flatMap((pid) => (hasMark(pid, mark) ? [] : [commandOf(pid)])),
  };
  return {
    place,
    async close() {
      // Runners before reapers before targets would be polite; nothing here deserves it.
      for (let tries = 0; tries < 50; tries++) {
        const left = processesWith(`${inPlace}=1`);
        if (left.length === 0) break;
        for (const pid of left) signal(pid, 'SIGKILL');
        await sleep(20);
      }
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** Complete lines of a text that are JSON objects; throws for one that is not. */
export const jsonLines = (text: string): readonly unknown[] =>
  text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));

export const sleep = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

/** Ask until the answer is truthy (a throw counts as no); fails after 45 s with what was asked. */
export async function until<T>(ask: () => T | Promise<T>): Promise<NonNullable<T>> {
  const end = Date.now() + 45_000;
  let last: unknown;
  for (;;) {
    try {
      const answer = await ask();
      if (answer) return answer;
      last = answer;
    } catch (error) {
      last = error;
    }
    if (Date.now() > end) throw new Error(`waited in vain for ${ask}; the last answer was ${last}`);
    await sleep(25);
  }
}

/** Send a signal; false when the process is gone. */
export function signal(pid: number, name: NodeJS.Signals | 0 = 0): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}

/** State letter of a process in /proc (R, S, T, Z …); undefined when it is gone. */
export function stateOf(pid: number): string | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return text.slice(text.lastIndexOf(')') + 2, text.lastIndexOf(')') + 3);
  } catch {
    return undefined;
  }
}

/** Alive, and not just a zombie. */
export const lives = (pid: number): boolean => ![undefined, 'Z', 'X'].includes(stateOf(pid));

const environ = (pid: number) => readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0');

function processesWith(entry: string): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return lives(pid) && environ(pid).includes(entry);
      } catch {
        return false;
      }
    });
}

function hasMark(pid: number, mark: string): boolean {
  try {
    return environ(pid).some((entry) => entry.startsWith(`${mark}=`));
  } catch {
    return false;
  }
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0').join(' ');
  } catch {
    return '';
  }
}
