import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const module = 'github.com/alexei-led/pumba';
/** Pumba's release tags carry no `v`; Go asks for both. */
const versions = ['v1.1.7', '1.1.7'];

/** Is a program on the path? */
export const has = (program: string): boolean =>
  (process.env.PATH ?? '').split(':').some((folder) => existsSync(join(folder, program)));

/**
 * Pumba 1.1.7: what $PUMBA names, else built once from its Go module into the user's cache folder. Where that cannot be
 * done, `why` says so.
 */
export async function pumbaBinary(): Promise<{ readonly path?: string; readonly why?: string }> {
  if (process.env.PUMBA) return { path: process.env.PUMBA };
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'zashiki-bench');
  const path = join(cache, 'pumba-1.1.7');
  if (existsSync(path)) return { path };
  if (!has('go')) return { why: 'there is no go to build it with (or set PUMBA to its path)' };
  mkdirSync(cache, { recursive: true });
  const work = mkdtempSync(join(tmpdir(), 'zashiki-bench-go-'));
  const go = (...args: readonly string[]) => run('go', args, { cwd: work, env: { ...process.env, CGO_ENABLED: '0' } });
  try {
    await go('mod', 'init', 'bench');
    let why = '';
    for (const version of versions) {
      try {
        await go('get', `${module}/cmd@${version}`);
        await go('build', '-trimpath', '-ldflags=-s -w', '-o', path, `${module}/cmd`);
        return { path };
      } catch (error) {
        why ||= String((error as { stderr?: string }).stderr ?? error)
          .trim()
          .split('\n')
          .slice(-2)
          .join(' ');
      }
    }
    return { why: `its module cannot be had: ${why} (or set PUMBA to its path)` };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
