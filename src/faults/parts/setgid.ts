import { ZashikiError } from '../../core/errors.ts';
import type { PinnedFile } from './pinned-file.ts';
import { isCapable } from './privilege.ts';

const setgid = 0o2000;

/**
 * Throws `permission-missing` where a mode with a setgid bit (default: the one that the file had) could not be set:
 * without CAP_FSETID the kernel drops it, in silence, when somebody outside of the file's group sets it.
 */
export function requireSetgid(file: Pick<PinnedFile, 'asked' | 'mode' | 'gid'>, mode = file.mode): void {
  const { asked, gid } = file;
  if ((mode & setgid) === 0) return;
  const groups = [process.getegid?.(), ...(process.getgroups?.() ?? [])];
  if (groups.includes(gid) || isCapable('CAP_FSETID')) return;
  throw new ZashikiError('permission-missing', `the setgid bit of ${asked} cannot be set`, {
    hint: `run with CAP_FSETID, or as a member of group ${gid}`,
  });
}
