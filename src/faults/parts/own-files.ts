import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ZashikiError } from '../../core/errors.ts';
import type { FaultContext } from '../../core/ports.ts';

/** File systems of the kernel. What is in /dev/shm are files of programs. */
const kernels: readonly string[] = ['/proc', '/sys', '/dev'];

/**
 * Throws `refused` for a path (links resolved) that must never be hit: in the package that runs, node itself, in the
 * state folder, or in a file system of the kernel. Without these nothing could be undone.
 */
export function requireForeign(path: string, context: Pick<FaultContext, 'keep'>): void {
  const why = whose(path.replace(/^\/proc\/\d+\/root(?=\/)/, ''), context);
  if (why === undefined) return;
  throw new ZashikiError('refused', `${path} ${why}`, { hint: 'name a file or folder of the system under test' });
}

function whose(path: string, { keep }: Pick<FaultContext, 'keep'>): string | undefined {
  const kernel = kernels.find((folder) => isIn(path, folder) && !isIn(path, '/dev/shm'));
  if (kernel !== undefined) return `is in ${kernel}, which the kernel makes up`;
  if (path === real(process.execPath)) return 'is the program that runs Zashiki';
  const own = packageRoot();
  if (own !== undefined && isIn(path, own)) return `is part of Zashiki itself (${own})`;
  // STATE/runs/RUN/keep/INJECTION
  const [state] = /^(.+)\/runs\/[^/]+\/keep\/[^/]+\/?$/.exec(keep)?.slice(1) ?? [keep];
  return isIn(path, real(state ?? keep)) ? `is in the state folder of Zashiki (${state})` : undefined;
}

const isIn = (path: string, folder: string): boolean => path === folder || path.startsWith(`${folder}/`);

function real(path: string): string {
  return existsSync(path) ? realpathSync(path) : path;
}

/** The folder of the package that this code belongs to. */
function packageRoot(from = fileURLToPath(import.meta.url)): string | undefined {
  for (let at = dirname(real(from)); at !== dirname(at); at = dirname(at)) {
    const file = join(at, 'package.json');
    if (existsSync(file) && JSON.parse(readFileSync(file, 'utf8')).name === 'zashiki') return at;
  }
  return undefined;
}
