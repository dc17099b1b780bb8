import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { hierarchies } from '../docker/clean.ts';
import { textOf } from '../docker/proc.ts';

/** Make a cgroup in every hierarchy, as a kubelet wants its root to be. Returns its path. */
export function makeGroup(path: string): string {
  for (const root of hierarchies()) {
    const parts = path.split('/').filter(Boolean);
    for (const [index] of parts.entries()) {
      const at = join(root, ...parts.slice(0, index + 1));
      mkdirSync(at, { recursive: true });
      // A new cpuset is empty, and nothing can run in it.
      for (const file of ['cpuset.cpus', 'cpuset.mems'])
        if (textOf(join(at, file)) === '\n') writeFileSync(join(at, file), readFileSync(join(dirname(at), file)));
    }
  }
  return path;
}
