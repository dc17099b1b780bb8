import { basename } from 'node:path';
import type { TargetRef } from '../../core/model.ts';
import { livingStat, pinned } from './identity.ts';
import { isKernelThread, isZombie } from './parse.ts';
import { attempt, type ProcFs } from './proc.ts';
import { openUsers } from './users.ts';
import { type ProcessView, viewOf } from './view.ts';

/** Programs of this package, by the names that they are installed under. */
const ourPrograms = new Set(['zashiki', 'nightmare-monkey']);

/** Entry points of this package, as node runs them: the command line, and the reaper. */
const ourFiles = /\/dist\/cli\/(main\.cjs|entry\.js|reaper\.js)$/;

/**
 * Why a process may never be hit, or undefined. The same words for the same reason, so that a plan can count them.
 * A process opts out by `ZASHIKI_PROTECT=1` in the environment that it was started with. `anyOwner`: those of other
 * users are left to the kernel, which refuses.
 */
export function protection(
  proc: ProcFs,
  self = proc.self(),
  { anyOwner = false }: { readonly anyOwner?: boolean } = {},
): (view: ProcessView) => string | undefined {
  const above = ancestors(proc, self);
  const foreign = foreignTo(proc, self);
  return (view) => {
    const { stat } = view;
    if (stat.pid === 1) return 'pid 1';
    if (isKernelThread(stat)) return 'a kernel thread';
    if (isZombie(stat)) return 'a zombie: it has ended already';
    if (stat.pid === self) return 'Zashiki itself';
    if (above.has(stat.pid)) return 'an ancestor of Zashiki';
    if (isOurs(view.argv())) return 'a process of Zashiki';
    const owner = foreign(view);
    if (owner !== undefined && anyOwner) return undefined;
    if (owner !== undefined) return `belongs to another user (${owner}); run as root or as that user`;
    const marks = view.marks();
    if (!marks) return 'its environment cannot be read, so ZASHIKI_PROTECT cannot be ruled out';
    if (marks?.ZASHIKI_WORKER) return 'a process of Zashiki';
    if (marks?.ZASHIKI_PROTECT && marks.ZASHIKI_PROTECT !== '0') return 'opted out by ZASHIKI_PROTECT';
    return undefined;
  };
}

/** CAP_KILL as a bit of CapEff. */
const mayKill = 1n << 5n;

/** The name of the other user whose process we may not signal; undefined for those that we may. */
function foreignTo(proc: ProcFs, self: number): (view: ProcessView) => string | undefined {
  const own = attempt(() => proc.status(self));
  if (!own || own.capabilities & mayKill) return () => undefined;
  const ours = [own.uid, own.realUid];
  return (view) => {
    if (ours.includes(view.uid() ?? -1)) return undefined;
    // The kernel gives /proc/PID of a process that may not be looked at to root: its status tells whose it is.
    const status = attempt(() => proc.status(view.stat.pid));
    if (!status || ours.includes(status.realUid)) return undefined;
    return openUsers().nameOf(status.uid);
  };
}

/** Why this pinned process may never be hit, as seen now from `self`; null when it may, or when it is gone. */
export function spare(target: TargetRef, proc: ProcFs, self = proc.self()): string | null {
  const identity = pinned(target);
  const stat = livingStat(proc, identity);
  if (!stat) return null;
  // Whom we may not signal is the kernel's to say; what is spared is spared for everybody.
  const reason = protection(proc, self, { anyOwner: true })(viewOf(proc, stat));
  // The reads of one view are not one moment: what was seen may be of a successor.
  return reason !== undefined && livingStat(proc, identity) ? reason : null;
}

/** The parents of a process up to the top. */
export function ancestors(proc: ProcFs, pid: number): ReadonlySet<number> {
  const found = new Set<number>();
  for (let at = attempt(() => proc.stat(pid))?.ppid ?? 0; at > 0 && !found.has(at); ) {
    found.add(at);
    at = attempt(() => proc.stat(at))?.ppid ?? 0;
  }
  return found;
}

/** Is this the command line of a Zashiki program: run by its name, as a script of node, or from this package? */
export function isOurs(argv: readonly string[]): boolean {
  // A title that a daemon gave itself: `zashiki: reaper`.
  if (/^zashiki[:\s]/.test(argv[0] ?? '')) return true;
  const script = argv.findIndex((argument, index) => index > 0 && !argument.startsWith('-'));
  return [argv[0], argv[script]].some(
    (path) => path !== undefined && (ourPrograms.has(basename(path)) || ourFiles.test(path)),
  );
}
