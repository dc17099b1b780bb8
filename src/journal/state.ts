import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { ZashikiError } from '../core/errors.ts';
import type { Clock, Rng } from '../core/ports.ts';

/** Where the state lives: $ZASHIKI_STATE, else /var/lib/zashiki for root, else below $XDG_STATE_HOME or ~/.local/state. */
export function stateFolder(env: NodeJS.ProcessEnv = process.env, uid: number = process.getuid?.() ?? -1): string {
  if (env.ZASHIKI_STATE) return env.ZASHIKI_STATE;
  if (uid === 0) return '/var/lib/zashiki';
  return join(env.XDG_STATE_HOME || join(env.HOME || homedir(), '.local', 'state'), 'zashiki');
}

/**
 * Make the state folder (mode 0700) and return its path. Throws `state-unwritable` naming the folder and the fix; also
 * when others may write to it, because whoever writes an undo record decides what a recovery does.
 */
export function openState(folder: string = stateFolder()): string {
  try {
    makeFolder(runsFolder(folder));
    checkOwn(folder);
    const probe = join(folder, `.probe-${process.pid}`);
    closeSync(openSync(probe, 'w', 0o600));
    rmSync(probe);
    return folder;
  } catch (error) {
    throw unwritable(error, folder, 'the state folder');
  }
}

/**
 * Throws `state-unwritable` when others may write to the state folder or to its runs, because whoever writes an undo
 * record decides what a recovery does. Ask before anything there is believed. A folder that is not there is fine.
 */
export function checkOwn(folder: string): void {
  for (const path of [folder, runsFolder(folder)]) {
    const stat = statOf(path);
    if (!stat) continue;
    const own = process.getuid?.() ?? stat.uid;
    if (stat.uid !== own && stat.uid !== 0) {
      throw new ZashikiError('state-unwritable', `the state folder ${path} belongs to another user (uid ${stat.uid})`, {
        hint: `do it as that user (${own === 0 ? `sudo -u '#${stat.uid}' zashiki …` : 'with sudo -u'}), or set ZASHIKI_STATE to a folder of your own`,
      });
    }
    if (stat.mode & 0o022) {
      throw new ZashikiError('state-unwritable', `other users can write to the state folder ${path}`, {
        hint: `make it yours alone (chmod 700 ${path}) or set ZASHIKI_STATE to a folder of your own`,
      });
    }
  }
}

/** Undefined when nothing is there, also because something in the path is a file. */
function statOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') return undefined;
    throw unwritable(error, path, 'the state folder');
  }
}

/**
 * Make a folder (mode 0700) and those above it; one that is there stays as it is. The recursive mkdir of Node is not
 * used, because it says ENOENT for a read-only file system.
 */
export function makeFolder(folder: string): void {
  const made = (): boolean => {
    try {
      mkdirSync(folder, { mode: 0o700 });
      return true;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EEXIST' && statSync(folder).isDirectory()) return true;
      if (code === 'ENOENT' && dirname(folder) !== folder && !existsSync(dirname(folder))) return false;
      throw error;
    }
  };
  if (made()) return;
  makeFolder(dirname(folder));
  made();
}

const advice: Readonly<Record<string, string>> = {
  ENOSPC: 'free some space',
  EDQUOT: 'free some of your disk quota',
  EROFS: 'make the file system writable',
  EACCES: 'make it writable for this user',
  EPERM: 'make it writable for this user',
  EFBIG: 'raise the file size limit (ulimit -f)',
  ENOENT: 'put the folder back',
  ENOTDIR: 'something in its path is a file: move that away',
  EEXIST: 'a file of this name is in the way: move it away',
  EMFILE: 'raise the limit of open files (ulimit -n)',
};

/** Any failure to write below the state folder as `state-unwritable`; a ZashikiError stays as it is. */
export function unwritable(error: unknown, path: string, what: string): ZashikiError {
  if (error instanceof ZashikiError) return error;
  const code = (error as NodeJS.ErrnoException).code ?? '';
  const reason = error instanceof Error ? error.message : String(error);
  return new ZashikiError('state-unwritable', `cannot write ${what} ${path}: ${reason}`, {
    hint: `${advice[code] ?? 'see to the disk'}, or set ZASHIKI_STATE to another folder`,
    cause: error,
  });
}

export const runsFolder = (state: string): string => join(state, 'runs');
export const runFolder = (state: string, run: string): string => join(state, 'runs', run);
export const journalPath = (state: string, run: string): string => join(state, 'runs', run, 'journal.jsonl');

/** The folder for copies of what the injections of a run must restore. Not made here. */
export const keepFolder = (state: string, run: string): string => join(state, 'runs', run, 'keep');
/** The part of it for one injection. */
export const keepPath = (state: string, run: string, injection: string): string =>
  join(keepFolder(state, run), injection);

/** A new run's id, e.g. `20261121T071500-a1x3k`: UTC time, two characters for the milliseconds, three drawn. Sorts. */
export function newRunId(clock: Pick<Clock, 'now'>, rng: Pick<Rng, 'below'>): string {
  const now = new Date(clock.now());
  const time = now.toISOString().replace(/[-:]|\.\d+Z$/g, '');
  const letters = '0123456789abcdefghijklmnopqrstuvwxyz';
  const milliseconds = now.getUTCMilliseconds().toString(36).padStart(2, '0');
  return `${time}-${milliseconds}${Array.from({ length: 3 }, () => letters[rng.below(36)]).join('')}`;
}

/** Put a folder's entries on disk. Does nothing where folders cannot be synced. */
export function syncFolder(folder: string): void {
  try {
    const fd = openSync(folder, 'r');
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EINVAL' && code !== 'EPERM' && code !== 'EISDIR' && code !== 'EACCES') throw error;
  }
}

/** Replace a file as a whole: after a crash there is the old text or the new one. Throws `state-unwritable`. */
export function writeWhole(path: string, text: string): void {
  const draft = `${path}.${process.pid}.draft`;
  try {
    const fd = openSync(draft, 'w', 0o600);
    try {
      writeSync(fd, text);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(draft, path);
    syncFolder(dirname(path));
  } catch (error) {
    rmSync(draft, { force: true });
    throw unwritable(error, path, 'the file');
  }
}

/** Remove the copies of a run that needs them no more. What cannot be removed is left: it does no harm. */
export function dropKept(state: string, run: string): void {
  try {
    rmSync(keepFolder(state, run), { recursive: true, force: true });
  } catch {
    // It may be read-only by now.
  }
}

/** The copies of a run's injections, for undoing. Where the folder cannot be written, undoing goes on without. */
export function copiesOf(
  state: string,
  run: string,
): { path(injection: string): string; drop(injection: string): void } {
  return {
    path(injection) {
      const path = keepPath(state, run, injection);
      quietly(() => makeFolder(path));
      return path;
    },
    drop: (injection) => quietly(() => rmSync(keepPath(state, run, injection), { recursive: true, force: true })),
  };
}

function quietly(work: () => void): void {
  try {
    work();
  } catch {
    // A copy too many does no harm, and a folder too few is told of by the fault that needs it.
  }
}
