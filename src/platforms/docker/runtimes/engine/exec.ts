import type { Readable } from 'node:stream';
import type { Finished } from '../../../../capabilities/netns.ts';
import { attempt, openProc } from '../../../host/proc.ts';
import { localProcess } from '../../local.ts';
import type { ExecOptions } from '../../runtime.ts';
import { type Client, Refusal } from './client.ts';
import { refused } from './errors.ts';

const longest = 30_000;
/** More output than this is cut. */
const mostBytes = 4 << 20;

/**
 * Run a program in a container. One that takes longer than `timeoutMs` has code -1. It is ended, and what it has started,
 * where its process can be seen from here; the API has no way to do that elsewhere. One that cannot be started has code 126, and the engine's own words as its error output.
 */
export async function execIn(
  client: Client,
  id: string,
  argv: readonly string[],
  { user = 'root', timeoutMs = longest, signal, input }: ExecOptions = {},
): Promise<Finished> {
  const AttachStdin = input !== undefined;
  const body = { AttachStdin, AttachStdout: true, AttachStderr: true, Tty: false, User: user, Cmd: argv };
  let exec: string;
  try {
    exec = (await client.call<{ Id: string }>('POST', `/containers/${id}/exec`, { body, signal })).Id;
  } catch (error) {
    throw refused(error, id, 'run a program in');
  }
  const output = { stdout: [] as Buffer[], stderr: [] as Buffer[], size: 0 };
  const take = (to: 'stdout' | 'stderr') => (chunk: Buffer) => {
    output.size += chunk.length;
    if (output.size <= mostBytes) output[to].push(chunk);
  };
  const text = () => ({
    stdout: Buffer.concat(output.stdout).toString(),
    stderr: Buffer.concat(output.stderr).toString(),
  });
  let stream: Readable;
  try {
    stream = await begin(client, exec, input, signal);
  } catch (error) {
    if (isNotStarted(error)) return { code: 126, stdout: '', stderr: `${error.message}\n` };
    throw refused(error, id, 'run a program in');
  }
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    stream.destroy();
  }, timeoutMs);
  const abort = () => stream.destroy();
  signal?.addEventListener('abort', abort, { once: true });
  try {
    await client.demux(stream, take('stdout'), take('stderr'));
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  }
  const { stdout, stderr } = text();
  if (late || signal?.aborted) {
    const became = (await endExec(client, id, exec).catch(() => false)) ? 'was ended' : 'may go on';
    signal?.throwIfAborted();
    return { code: -1, stdout, stderr: `${stderr}${argv[0]} did not end within ${timeoutMs} ms, and ${became}\n` };
  }
  const code = await exitCode(client, exec);
  // What the engine says of a program that it could not start comes as the program's own output.
  if ((code === 126 || code === 127) && stdout.startsWith('OCI runtime exec failed')) {
    return { code, stdout: '', stderr: stdout.replaceAll('\r', '') + stderr };
  }
  return { code, stdout, stderr };
}

/** End a program and what it has started; false when it is out of reach. */
async function endExec(client: Client, id: string, exec: string): Promise<boolean> {
  const { Running, Pid } = await client.call<{ Running: boolean; Pid?: number }>('GET', `/exec/${exec}/json`);
  if (!Running) return true;
  const proc = openProc();
  const found = localProcess(proc, id, Pid ?? null);
  if (!found) return false;
  const tree = new Set([found.pid]);
  for (let before = -1; before !== tree.size; ) {
    before = tree.size;
    for (const pid of proc.pids()) if (tree.has(attempt(() => proc.stat(pid))?.ppid ?? 0)) tree.add(pid);
  }
  for (const pid of tree) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended meanwhile.
    }
  }
  return true;
}

/** The stream ends a moment before the engine has noted the code. */
async function exitCode(client: Client, exec: string): Promise<number> {
  for (let round = 0; ; round++) {
    const seen = await client.call<{ Running: boolean; ExitCode: number | null }>('GET', `/exec/${exec}/json`);
    if (!seen.Running && seen.ExitCode !== null) return seen.ExitCode;
    if (round === 100) return -1;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function begin(client: Client, exec: string, input: string | undefined, signal: AbortSignal | undefined) {
  const options = { body: { Detach: false, Tty: false }, signal };
  if (input === undefined) return client.stream('POST', `/exec/${exec}/start`, options);
  const socket = await client.hijack(`/exec/${exec}/start`, options);
  socket.end(input);
  return socket;
}

/** Not found, not executable: the program's fault, not the engine's. */
const isNotStarted = (error: unknown): error is Refusal =>
  error instanceof Refusal && error.status !== 404 && /OCI runtime exec failed|crun|executable/i.test(error.message);
