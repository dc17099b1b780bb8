import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';

const mostOutput = 64 * 1024;
/** A program that changed its user, or hangs in the kernel, survives our kill: do not wait for it for ever. */
const killGrace = 1000;

export interface Program {
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string | undefined;
}

export type Ended = {
  readonly code: number | null;
  readonly signal?: string;
  /** Without white space around it, the first 64 KiB. */
  readonly stdout: string;
  readonly stderr: string;
};

/**
 * Run it in a process group of its own and wait for its end; then, or when `signal` aborts, whatever is left of the
 * group is killed. Rejects with a sentence when it cannot be started, with the signal's reason when aborted.
 */
export async function runProgram({ command, env, cwd }: Program, signal: AbortSignal): Promise<Ended> {
  const [program = '', ...args] = command;
  // A missing folder is reported by spawn as a missing program.
  if (cwd !== undefined && !(await isFolder(cwd))) throw new Error(`no such folder: ${cwd}`);
  signal.throwIfAborted();
  const child = start(program, args, env, cwd);
  const stdout = collect(child.stdout);
  const stderr = collect(child.stderr);
  return new Promise((resolve, reject) => {
    let grace: NodeJS.Timeout | undefined;
    const sweep = () => killGroup(child.pid);
    const settled = () => {
      clearTimeout(grace);
      signal.removeEventListener('abort', aborted);
    };
    const aborted = () => {
      sweep();
      // A member that left the group may hold the pipes open for ever.
      child.stdout.destroy();
      child.stderr.destroy();
      grace = setTimeout(() => {
        child.unref();
        reject(signal.reason);
      }, killGrace);
    };
    if (signal.aborted) aborted();
    signal.addEventListener('abort', aborted, { once: true });
    child.on('error', (error) => {
      settled();
      reject(new Error(startSentence(program, error)));
    });
    // The leader is reaped in this very turn of the loop, so its pid cannot have gone to another group yet.
    child.on('exit', sweep);
    child.on('close', (code, by) => {
      settled();
      if (signal.aborted) return reject(signal.reason);
      resolve({ code, ...(by ? { signal: by } : {}), stdout: stdout().trim(), stderr: stderr().trim() });
    });
  });
}

type Child = ChildProcessByStdio<null, Readable, Readable>;

function start(program: string, args: readonly string[], env: Program['env'], cwd: string | undefined): Child {
  try {
    return spawn(program, args, {
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
      ...(cwd === undefined ? {} : { cwd }),
    });
  } catch (error) {
    throw new Error(startSentence(program, error));
  }
}

/** The first bytes of a stream; the rest is read and dropped, so that the writer never waits. */
function collect(stream: Readable): () => string {
  const kept: Buffer[] = [];
  let size = 0;
  stream.on('data', (chunk: Buffer) => {
    if (size < mostOutput) kept.push(chunk.subarray(0, mostOutput - size));
    size += chunk.length;
  });
  stream.on('error', () => {});
  return () => Buffer.concat(kept).toString('utf8');
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // ESRCH: nothing is left of the group. EPERM: what is left changed its user and is not ours to kill.
  }
}

function startSentence(program: string, error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : '';
  if (code === 'ENOENT') return `program not found: ${program}`;
  if (code === 'EACCES') return `program may not be run: ${program}`;
  return `program does not start: ${program}: ${error instanceof Error ? error.message : String(error)}`;
}

const isFolder = async (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
