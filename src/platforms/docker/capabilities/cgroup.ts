import { readdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import type { CgroupCapability } from '../../../capabilities/cgroup.ts';
import type { TargetRef } from '../../../core/model.ts';
import { cgroupCapability } from '../../host/capabilities/cgroup.ts';
import { cgroupMounts } from '../../host/cgroups.ts';
import type { ProcFs } from '../../host/proc.ts';
import type { ContainerIdentity } from '../identity.ts';
import type { Runtime } from '../runtime.ts';

/** How far below the root of a hierarchy the cgroup of a container may be. */
const deepest = 6;

/**
 * Helpers in the cgroup of a container. When the container ends while a helper is in there, its engine cannot remove the
 * cgroup and leaves it behind, empty, for good: `stop` removes it then.
 */
export function containerCgroup(
  target: TargetRef,
  { id }: ContainerIdentity,
  runtime: Runtime,
  proc: ProcFs,
): CgroupCapability {
  const beside = cgroupCapability(target, proc);
  return {
    ...beside,
    async stop(tag) {
      await beside.stop(tag);
      const left = cgroupMounts(proc.text('self/mountinfo')).flatMap(({ folder }) => named(folder, id, deepest));
      if (left.length === 0) return;
      // An engine that is about to start it needs them, and one that does not answer may be.
      const seen = await runtime.inspect(id).catch(() => 'unknown' as const);
      const ended = seen === undefined || (seen !== 'unknown' && ['exited', 'dead'].includes(seen.state.status));
      if (ended) for (const folder of left) removeEmpty(folder);
    },
  };
}

/** Folders below this one whose name contains the id. */
function named(folder: string, id: string, depth: number): readonly string[] {
  return folders(folder).flatMap((path) => {
    if (path.slice(folder.length).includes(id)) return [path];
    return depth > 1 ? named(path, id, depth - 1) : [];
  });
}

/** A cgroup with all below it, as far as nobody lives there. */
function removeEmpty(folder: string): void {
  for (const each of folders(folder)) removeEmpty(each);
  try {
    rmdirSync(folder);
  } catch {
    // Somebody lives in it, or the engine was faster.
  }
}

function folders(path: string): readonly string[] {
  try {
    return readdirSync(path, { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() ? [join(path, entry.name)] : [],
    );
  } catch {
    return [];
  }
}
