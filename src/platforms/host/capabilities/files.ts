import { lstatSync, readlinkSync, statSync } from 'node:fs';
import { dirname, isAbsolute } from 'node:path';
import type { FilesCapability, Remains } from '../../../capabilities/files.ts';
import { isError, ZashikiError } from '../../../core/errors.ts';
import type { TargetRef } from '../../../core/model.ts';
import { refusal } from '../errors.ts';
import { gone, livingStat, pinned } from '../identity.ts';
import { below, mountOf, parseMounts, sameElsewhere } from '../mounts.ts';
import type { ProcFs } from '../proc.ts';

/** As many as the kernel follows in one path. */
const mostLinks = 40;

/**
 * Files as the target sees them. A process in our mount namespace and root folder sees our own paths. For another, all
 * links, the last one too, are followed as the target would, and the place is then looked for among our own mounts: a
 * path through /proc/PID/root would be lost with the process, and what was changed with it. `ofContainer`: the mount
 * namespace ends with the process, so that a place in memory may be used as well, and one on its overlayfs that is not
 * among our mounts.
 */
export function filesCapability(
  target: TargetRef,
  proc: ProcFs,
  { ofContainer = false }: { readonly ofContainer?: boolean } = {},
): FilesCapability {
  if (target.id === 'machine') return { resolve: async (path) => absolute(path) };
  const identity = pinned(target);
  const alive = () => {
    if (!livingStat(proc, identity)) throw gone(target);
  };
  const ours = () => {
    const self = proc.self();
    const names = ['ns/mnt', 'root'] as const;
    return names.every((name) => proc.link(identity.pid, name) === proc.link(self, name));
  };
  const remains = (path: string): Remains | null => {
    const root = rootOf(identity.pid, proc);
    const inside = followInside(root, path).slice(root.length) || '/';
    const mount = mountOf(inside, parseMounts(proc.text(`${identity.pid}/mountinfo`)));
    const upper = /(?:^|,)upperdir=([^,]+)/.exec(mount?.superOptions ?? '')?.[1];
    if (mount?.type === 'overlay' && mount.root === '/' && upper?.startsWith('/')) {
      const stays = statSync(upper, { throwIfNoEntry: false })?.isDirectory();
      return stays ? { upper, inside: `/${below(inside, mount.point) ?? ''}` } : null;
    }
    const inMemory = mount?.type === 'tmpfs' || mount?.type === 'ramfs';
    return ofContainer && inMemory && !visible(path, target, identity.pid, proc) ? 'nothing' : null;
  };
  return {
    async resolve(path) {
      absolute(path);
      alive();
      try {
        if (ours()) return path;
        const found = onOurMounts(path, target, identity.pid, proc);
        alive();
        return found;
      } catch (error) {
        alive();
        if (ofContainer && isError(error, 'not-supported') && remains(path) !== null) {
          return followInside(rootOf(identity.pid, proc), path);
        }
        throw refusal(error, target, 'see the files', 'CAP_SYS_PTRACE');
      }
    },
    async remains(path) {
      absolute(path);
      alive();
      try {
        return ours() ? null : remains(path);
      } catch (error) {
        throw refusal(error, target, 'see the files', 'CAP_SYS_PTRACE');
      }
    },
  };
}

/** The root folder of a process itself, not the link to it. */
const rootOf = (pid: number, proc: ProcFs) => `${proc.root}/${pid}/root/.`;

/** Whether a place of the target's is among our own mounts. */
function visible(path: string, target: TargetRef, pid: number, proc: ProcFs): boolean {
  try {
    return onOurMounts(path, target, pid, proc) !== '';
  } catch (error) {
    if (isError(error, 'not-supported')) return false;
    throw error;
  }
}

/** The path of ours at which the very same thing is. Throws `not-supported` when there is none. */
function onOurMounts(path: string, target: TargetRef, pid: number, proc: ProcFs): string {
  const root = rootOf(pid, proc);
  const there = followInside(root, path);
  const inside = there.slice(root.length) || '/';
  const theirs = parseMounts(proc.text(`${pid}/mountinfo`));
  const mount = mountOf(inside, theirs);
  // A file in another folder may be the same one by a hard link; deleting it there would do nothing here.
  const folderToo = inside !== '/' && mount?.point !== inside;
  const same = (candidate: string) =>
    sameThing(candidate, there) && (!folderToo || sameThing(dirname(candidate), dirname(there)));
  if (folderToo && !statSync(dirname(there), { throwIfNoEntry: false })) {
    throw new ZashikiError('file-unreadable', `${path} does not exist`, {
      hint: 'give the path as the target sees it, from the root',
    });
  }
  const jail = proc.link(pid, 'root');
  const candidates = [
    ...sameElsewhere(inside, theirs, parseMounts(proc.text('self/mountinfo'))),
    inside,
    ...(jail === '/' ? [] : [`${jail}${inside}`]),
  ];
  const found = candidates.find(same);
  if (found !== undefined) return found;
  const where = mount ? `the ${mount.type} mounted on ${mount.point}` : 'a place';
  throw new ZashikiError(
    'not-supported',
    `${path} is on ${where} that only ${target.name} (${target.id}) sees: once it has ended, nothing there could be undone`,
    { hint: 'name a path on a volume that is mounted on this host, too' },
  );
}

/** The same file or folder, or both missing. */
function sameThing(a: string, b: string): boolean {
  const [one, other] = [a, b].map((path) => lstatSync(path, { bigint: true, throwIfNoEntry: false }));
  if (!one || !other) return one === other;
  return one.dev === other.dev && one.ino === other.ino;
}

function absolute(path: string): string {
  if (isAbsolute(path)) return path;
  throw new ZashikiError('usage', `"${path}" is not an absolute path`, {
    hint: 'write it from the root, like /var/log/app',
  });
}

/** Where `path` leads when `root` is the root folder: no link and no `..` gets out. What is missing is kept as it is. */
export function followInside(root: string, path: string): string {
  const ahead = path.split('/').filter(Boolean);
  const done: string[] = [];
  for (let links = 0; ahead.length > 0; ) {
    const part = ahead.shift() ?? '';
    if (part === '.') continue;
    if (part === '..') {
      done.pop();
      continue;
    }
    const at = [root, ...done, part].join('/');
    if (!lstatSync(at, { throwIfNoEntry: false })?.isSymbolicLink()) {
      done.push(part);
      continue;
    }
    if (++links > mostLinks) throw new ZashikiError('usage', `"${path}" leads through too many links`);
    const link = readlinkSync(at);
    if (link.startsWith('/')) done.length = 0;
    ahead.unshift(...link.split('/').filter(Boolean));
  }
  return [root, ...done].join('/');
}
