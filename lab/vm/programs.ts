import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { hostPrograms } from './recipe.ts';
import { LabError, type Say } from './say.ts';

/** Where tools of the administrator are, besides PATH. */
const systemFolders = ['/usr/sbin', '/sbin', '/usr/bin', '/bin'];

/** PATH with the folders of the administrator's tools, which users often lack. */
export const searchPath = [...(process.env.PATH ?? '').split(delimiter), ...systemFolders].join(delimiter);

/** Programs of this list that are not installed. */
export function missing(programs: readonly string[]): readonly string[] {
  return programs.filter((program) => !searchPath.split(delimiter).some((folder) => isThere(join(folder, program))));
}

function isThere(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Only these are needed where the image is in the cache already. */
export const toRun: readonly string[] = ['qemu-system-x86_64', 'setpriv', 'tar'];

/**
 * Make sure that the programs are there: as root on Debian they are installed, anybody else is told what to install.
 * Throws a `LabError`.
 */
export async function ensurePrograms(
  programs: readonly string[],
  say: Say,
  signal: AbortSignal,
  packages: Readonly<Record<string, string>> = hostPrograms,
): Promise<void> {
  const packagesOf = (names: readonly string[]) => [...new Set(names.map((name) => packages[name] ?? name))];
  const lacking = missing(programs);
  if (lacking.length === 0) return;
  const wanted = packagesOf(lacking);
  const byHand = `apt-get install --no-install-recommends ${wanted.join(' ')}`;
  if (process.getuid?.() !== 0 || missing(['apt-get']).length > 0)
    throw new LabError(`not installed: ${lacking.join(', ')}`, `as root: ${byHand}`);
  say(`installing ${wanted.join(', ')}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const install = ['apt-get', 'install', '-y', '-qq', '--no-install-recommends', ...wanted];
  await run(['apt-get', 'update', '-qq'], { signal, env });
  await run(install, { signal, env });
  const still = missing(programs);
  if (still.length > 0) throw new LabError(`still not installed: ${still.join(', ')}`, `as root: ${byHand}`);
}

/** How to start a program. */
export interface RunOptions {
  readonly signal: AbortSignal;
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly input?: string | Buffer;
  /** An open descriptor that takes the output; then nothing is returned. */
  readonly output?: number;
  /** Exit codes that are no failure. Default: only 0. */
  readonly accept?: readonly number[];
}

/**
 * Run a program to its end and return its output; argument array, never a shell. It is killed when we are aborted or
 * die. Throws a `LabError` with its last lines when it fails.
 */
export function run(
  argv: readonly string[],
  { signal, cwd, env, input, output, accept = [0] }: RunOptions,
): Promise<string> {
  signal.throwIfAborted();
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', ...argv], {
    ...(cwd === undefined ? {} : { cwd }),
    env: { ...(env ?? process.env), PATH: searchPath },
    stdio: ['pipe', output ?? 'pipe', 'pipe'],
  });
  const out: Buffer[] = [];
  const all: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => out.push(chunk) && all.push(chunk));
  child.stderr?.on('data', (chunk: Buffer) => all.push(chunk));
  child.stdin?.on('error', () => {});
  child.stdin?.end(input);
  const kill = () => child.kill('SIGKILL');
  signal.addEventListener('abort', kill, { once: true });
  return new Promise((resolve, reject) => {
    child.once('error', (cause) =>
      reject(new LabError(`cannot start ${argv[0]}: ${cause.message}`, 'is it installed?')),
    );
    child.once('close', (code, by) => {
      signal.removeEventListener('abort', kill);
      if (signal.aborted) return reject(signal.reason);
      if (code !== null && accept.includes(code)) return resolve(Buffer.concat(out).toString());
      const last = Buffer.concat(all).toString().trim().split('\n').slice(-15).join('\n');
      const full = /no space left/i.test(last)
        ? 'the disk is full: make room, or move the cache with XDG_CACHE_HOME'
        : '';
      reject(new LabError(`${argv.join(' ')} ended with ${code ?? by}:\n${last}`, full || 'see the lines above'));
    });
  });
}
