import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import type { Finished } from '../../../../capabilities/netns.ts';
import { ZashikiError } from '../../../../core/errors.ts';
import type { Endpoint, ExecOptions } from '../../runtime.ts';

const longest = 30_000;
/** More output than this is cut. */
const mostBytes = 4 << 20;

/** containerd's own command line, bound to one socket and one namespace. */
export interface Ctr {
  /** Run it; a failing one is a `code`. Throws `not-supported` without ctr, `peer-unavailable` without a daemon. */
  run(args: readonly string[], options?: Omit<ExecOptions, 'user'>): Promise<Finished>;
  /** Like `run`, but a failing one is an error: `target-gone` when containerd does not know the thing. */
  must(id: string, what: string, args: readonly string[], signal?: AbortSignal): Promise<string>;
}

/** Written against ctr 1.6 and its messages. */
export function openCtr({ url, namespace = 'k8s.io' }: Endpoint): Ctr {
  const socket = url.replace(/^unix:\/\//, '');
  const first = ['--address', socket, '--namespace', namespace, '--connect-timeout', '5s'];
  const run: Ctr['run'] = async (args, { timeoutMs = longest, signal, input } = {}) => {
    requireSocket(socket);
    const finished = await finish([...first, ...args], timeoutMs, signal, input);
    if (finished.code !== 0 && /failed to dial|connection refused/.test(finished.stderr))
      throw silent(socket, finished);
    return finished;
  };
  return {
    run,
    async must(id, what, args, signal) {
      const { code, stdout, stderr } = await run(args, { signal });
      if (code === 0) return stdout;
      const why = stderr.trim().split('\n').at(-1) ?? '';
      if (isMissing(stderr)) throw goneContainer(id);
      throw new ZashikiError('inject-failed', `containerd refused to ${what} ${id}: ${why.replace(/^ctr: /, '')}`);
    },
  };
}

/** Does ctr say that there is no such container, or no task of it? */
export const isMissing = (stderr: string): boolean => /: not found$/m.test(stderr);

export const goneContainer = (id: string): ZashikiError =>
  new ZashikiError('target-gone', `the container ${id} no longer exists`);

function requireSocket(socket: string): void {
  try {
    accessSync(socket, constants.R_OK | constants.W_OK);
  } catch (cause) {
    const denied = (cause as NodeJS.ErrnoException).code === 'EACCES';
    throw new ZashikiError('peer-unavailable', `containerd cannot be reached at ${socket}`, {
      hint: denied
        ? 'run as root: its socket is for root alone'
        : 'is it running? name its socket: `engine: unix:///…`',
      cause,
    });
  }
}

const silent = (socket: string, { stderr }: Finished): ZashikiError =>
  new ZashikiError('peer-unavailable', `containerd does not answer at ${socket}: ${stderr.trim()}`, {
    hint: 'is it running?',
  });

function finish(
  args: readonly string[],
  timeout: number,
  signal: AbortSignal | undefined,
  input: string | undefined,
): Promise<Finished> {
  return new Promise((resolve, reject) => {
    // It passes other signals on to the program that it runs, and waits for it.
    const killing = { timeout, killSignal: 'SIGKILL', ...(signal ? { signal } : {}) } as const;
    const options = { ...killing, maxBuffer: mostBytes, encoding: 'utf8' } as const;
    const child = execFile('ctr', args, options, (error, stdout, stderr) => {
      if (!error) return resolve({ code: 0, stdout, stderr });
      if (signal?.aborted) return reject(signal.reason);
      if (error.code === 'ENOENT') {
        return reject(
          new ZashikiError('not-supported', 'containerd is reached through its program ctr, which is not installed', {
            hint: 'install the package containerd, or run where it is in PATH',
          }),
        );
      }
      resolve({ code: typeof error.code === 'number' ? error.code : -1, stdout, stderr });
    });
    child.stdin?.on('error', () => {}).end(input ?? '');
  });
}
