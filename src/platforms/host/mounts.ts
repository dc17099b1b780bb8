/** One line of /proc/PID/mountinfo. */
export interface Mount {
  /** `major:minor` of the file system. */
  readonly device: string;
  /** Which folder (or file) of the file system is mounted. */
  readonly root: string;
  /** Where it is mounted, as the process sees it. */
  readonly point: string;
  /** File system type, e.g. `ext4`. */
  readonly type: string;
  readonly superOptions: string;
}

/** Parse /proc/PID/mountinfo; the order is that of mounting, so the last of two on one point is what is seen. */
export function parseMounts(text: string): readonly Mount[] {
  return text.split('\n').flatMap((line) => {
    const [before, after] = line.split(' - ');
    const [, , device, root, point] = (before ?? '').split(' ');
    const [type, , superOptions] = (after ?? '').split(' ');
    if (!device || !root || !point || !type) return [];
    return [{ device, root: plainPath(root), point: plainPath(point), type, superOptions: superOptions ?? '' }];
  });
}

/** The mount that a path is on: the deepest point above it, the last one of those. */
export function mountOf(path: string, mounts: readonly Mount[]): Mount | undefined {
  let found: Mount | undefined;
  for (const mount of mounts) {
    if (below(path, mount.point) === undefined) continue;
    if (!found || mount.point.length >= found.point.length) found = mount;
  }
  return found;
}

/** All paths under which `ours` may show what is at `path` of `theirs`. Each has to be held against the real thing. */
export function sameElsewhere(path: string, theirs: readonly Mount[], ours: readonly Mount[]): readonly string[] {
  const mount = mountOf(path, theirs);
  if (!mount) return [];
  const inFileSystem = joined(mount.root, below(path, mount.point) ?? '');
  return ours.flatMap(({ device, root, point }) => {
    const rest = device === mount.device ? below(inFileSystem, root) : undefined;
    return rest === undefined ? [] : [joined(point, rest)];
  });
}

/** What is left of a path below a folder, '' for the folder itself; undefined when it is not below it. */
export function below(path: string, folder: string): string | undefined {
  const prefix = folder === '/' ? '' : folder;
  if (path === folder || path === prefix) return '';
  return path.startsWith(`${prefix}/`) ? path.slice(prefix.length + 1) : undefined;
}

const joined = (folder: string, rest: string) => (rest === '' ? folder : `${folder === '/' ? '' : folder}/${rest}`);

/** mountinfo writes spaces and the like in octal. */
const plainPath = (path: string) =>
  path.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
