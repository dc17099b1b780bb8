import { type BigIntStats, constants } from 'node:fs';
import { type FileHandle, opendir, readdir, readFile, realpath, stat, statfs, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { FilesCapability, Remains } from '../../capabilities/files.ts';
import { ZashikiError } from '../../core/errors.ts';
import { errno, hold, lookAt, onDisk, requireFolder } from './disk.ts';

/** A name in a folder, pinned so that it is found again when the target is gone. Plain JSON. */
export type Place = {
  /** The path as the target sees it. */
  readonly asked: string;
  /** The path that we use, links resolved. */
  readonly path: string;
  /** Which folder it is in. */
  readonly folderDev: string;
  readonly folderIno: string;
  /** The boot of the machine in which the numbers above were read. */
  readonly boot: string;
  /** The file system lives in memory, so that nothing of it outlives the boot. */
  readonly inMemory: boolean;
  /** What stays of it when the target ends, where `path` leads through something that ends with it. */
  readonly remains?: Layer | 'nothing';
};

/** The folder that holds all changes to a target's root file system, and the place below it. Plain JSON. */
type Layer = { readonly upper: string; readonly dev: string; readonly ino: string; readonly inside: string };

/** What names a file or folder: `dev` may be numbered anew at each boot. */
type Numbers = { readonly dev: bigint | string; readonly ino: bigint | string };

/** `statfs` types of tmpfs and ramfs. */
const memoryTypes: readonly number[] = [0x0102_1994, 0x8584_58f6];
const overlayType = 0x794c_7630;

const bootId = async (): Promise<string> => (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();

/** A path of the files capability with all links resolved. Below /proc/PID/root they are: it would lead out of there. */
export const realPath = (path: string): Promise<string> =>
  onDisk('find', path, async () => (/^\/proc\/\d+\/root(\/|$)/.test(path) ? path : realpath(path)));

/** Pin a path; `path` is what the files capability made of `asked`, links resolved, and `remains` what it told of it. */
export async function pinPlace(asked: string, path: string, remains: Remains | null): Promise<Place> {
  const folder = await onDisk('look at', dirname(path), () => stat(dirname(path), { bigint: true }));
  const { type } = await statfs(dirname(path));
  return {
    asked,
    path,
    folderDev: String(folder.dev),
    folderIno: String(folder.ino),
    boot: await bootId(),
    inMemory: memoryTypes.includes(type),
    ...(remains === null ? {} : { remains: remains === 'nothing' ? remains : await pinLayer(remains) }),
  };
}

async function pinLayer({ upper, inside }: Exclude<Remains, 'nothing'>): Promise<Layer> {
  const { dev, ino } = await onDisk('look at', upper, () => stat(upper, { bigint: true }));
  return { upper, dev: String(dev), ino: String(ino), inside };
}

/** Pin a new name in an existing folder of the target's. */
export async function pinNewName(files: FilesCapability, folder: string, name: string): Promise<Place> {
  const resolved = await files.resolve(folder);
  await requireFolder(resolved);
  const real = await realPath(resolved);
  const inFolder = (path: string) => `${path.replace(/\/+$/, '')}/${name}`;
  const remains = (await files.remains?.(folder)) ?? null;
  const rest = remains === null || remains === 'nothing' ? remains : { ...remains, inside: inFolder(remains.inside) };
  const place = await pinPlace(inFolder(folder), inFolder(real), rest);
  if (await lookAt(place.path)) {
    throw new ZashikiError('not-supported', `${place.asked} is there already`, {
      hint: 'the name is meant for us alone',
    });
  }
  return place;
}

/** Whether these are the numbers of the pinned thing. After a reboot a device may have another number. */
export const sameNumbers = (found: Numbers, pinned: Numbers, sameBoot: boolean): boolean =>
  String(found.ino) === String(pinned.ino) && (String(found.dev) === String(pinned.dev) || !sameBoot);

/** The folder of a place, held open. */
export interface HeldFolder {
  /** The path of a name in it: whatever is renamed or linked meanwhile, it is in this very folder. */
  at(name: string): string;
  /** The name of the place itself. */
  readonly name: string;
  /** Where the folder is now: it may have been moved. */
  readonly path: string;
  readonly sameBoot: boolean;
  /** It is the folder in the layer of a target that has ended: numbers of files are others there. */
  readonly layer: boolean;
}

/**
 * Work in the very folder that was pinned. What is done below `at(…)` cannot be led elsewhere by whoever owns a folder
 * above. When another folder is there, or none: throws `plan-drift` before the fault (`going: 'in'`). After it, the folder
 * is looked for under another name beside, or in the layer that remains of the target; `recover-failed` when it is not
 * there, so that the copies are kept; `target-gone` when nothing of ours can be left anywhere.
 */
export async function inFolder<T>(
  place: Place,
  going: 'in' | 'out',
  work: (folder: HeldFolder) => Promise<T>,
): Promise<T> {
  const sameBoot = (await bootId()) === place.boot;
  const pinned = { dev: place.folderDev, ino: place.folderIno };
  // An overlayfs has another device number each time that it is mounted; what is in it keeps its inode numbers.
  const isIt = (found: Numbers) => sameNumbers(found, pinned, sameBoot && !isLayer(place));
  const folder = dirname(place.path);
  const there = await hold(folder, constants.O_DIRECTORY);
  const renumbered = there && going === 'out' && !sameBoot && (await isOverlay(there));
  const other = there && !renumbered && !isIt(await there.stat({ bigint: true }));
  const gone = other || !there;
  const moved = going === 'out' && gone ? await elsewhere(place, isIt, sameBoot) : undefined;
  try {
    const held = moved?.handle ?? (other ? undefined : there);
    if (!held) throw lost(place, going, other, sameBoot);
    const at = (name: string) => `/proc/self/fd/${held.fd}/${name}`;
    const layer = moved?.layer === true;
    return await work({ at, name: basename(place.path), path: moved?.path ?? folder, sameBoot, layer });
  } finally {
    await there?.close();
    await moved?.handle.close();
  }
}

/** An overlayfs may number its folders anew at each boot: then the path is all that is known of one. Its files keep theirs. */
const isOverlay = async ({ fd }: FileHandle): Promise<boolean> =>
  (await statfs(`/proc/self/fd/${fd}`)).type === overlayType;

interface Found {
  readonly handle: FileHandle;
  readonly path: string;
  readonly layer?: true;
}

const isLayer = ({ remains }: Place): boolean => remains !== undefined && remains !== 'nothing';

/** Where the folder is now: under another name beside, or, when its target has ended, in the layer that remains. */
async function elsewhere(
  place: Place,
  isIt: (found: Numbers) => boolean,
  sameBoot: boolean,
): Promise<Found | undefined> {
  const { remains } = place;
  const beside = await movedFolder(dirname(place.path), isIt);
  if (beside || remains === undefined || (await isMounted(place))) return beside;
  const ended = (more: string) => new ZashikiError('target-gone', `the target has ended${more}`);
  if (remains === 'nothing') throw ended(', and what was in its memory with it');
  const upper = await hold(remains.upper, constants.O_DIRECTORY);
  if (!upper) throw ended(', and its file system was removed');
  let at: FileHandle = upper;
  try {
    if (!sameNumbers(await upper.stat({ bigint: true }), remains, sameBoot)) {
      throw ended(', and its file system was removed');
    }
    // Step by step, so that no link of the target's leads out.
    for (const part of dirname(remains.inside).split('/').filter(Boolean)) {
      const next = await hold(`/proc/self/fd/${at.fd}/${part}`, constants.O_DIRECTORY);
      if (!next) throw ended(', and nothing in that folder was changed');
      await at.close();
      at = next;
    }
    return { handle: at, path: `${remains.upper}${dirname(remains.inside)}`, layer: true };
  } catch (error) {
    await at.close();
    throw error;
  }
}

/** Whether the root file system of the target is still seen through the path. A pid may have another owner by now. */
async function isMounted({ path, remains }: Place): Promise<boolean> {
  if (remains === undefined || remains === 'nothing' || path.startsWith('/proc/')) return false;
  const root = path.endsWith(remains.inside) ? path.slice(0, -remains.inside.length) : '/';
  return (await readdir(root).catch(() => [])).length > 0;
}

/** A name that overlayfs keeps in a layer for what was deleted from the layers below. */
export const isWhiteout = (found: BigIntStats): boolean => found.isCharacterDevice() && found.rdev === 0n;

/** In a layer: take away the mark that hides a name, so that a file can have it. */
export async function clearWhiteout({ at, name, layer }: HeldFolder): Promise<void> {
  const found = layer ? await lookAt(at(name)) : undefined;
  if (found && isWhiteout(found)) await unlink(at(name));
}

/** The folder that once was at `path`, under the name that it has beside there now. */
async function movedFolder(path: string, isIt: (found: Numbers) => boolean): Promise<Found | undefined> {
  const name = await findEntry(dirname(path), isIt);
  if (name === undefined) return undefined;
  const now = join(dirname(path), name);
  const handle = await hold(now, constants.O_DIRECTORY);
  if (handle && isIt(await handle.stat({ bigint: true }))) return { handle, path: now };
  await handle?.close();
  return undefined;
}

/** The first name in a folder that leads to what `isIt` knows; links are not followed. */
export async function findEntry(folder: string, isIt: (found: BigIntStats) => boolean): Promise<string | undefined> {
  try {
    for await (const { name } of await opendir(folder)) {
      const found = await lookAt(join(folder, name));
      if (found && isIt(found)) return name;
    }
  } catch (error) {
    // A folder that may not be read tells us nothing: what is looked for counts as not found.
    if (!['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM'].includes(errno(error) ?? '')) throw error;
  }
  return undefined;
}

function lost(place: Place, going: 'in' | 'out', found: unknown, sameBoot: boolean): ZashikiError {
  const folder = dirname(place.path);
  const what = found ? `${folder} is another folder than it was` : `the folder ${folder} is not there`;
  if (going === 'in') return new ZashikiError('plan-drift', what, { hint: 'plan again' });
  if (place.inMemory && !sameBoot) {
    return new ZashikiError('target-gone', `${place.asked} was in memory, and the machine has been started anew since`);
  }
  return new ZashikiError('recover-failed', `${place.asked} cannot be found: ${what}`, {
    hint: 'mount the volume, or move the folder back to where it was; then run `zashiki recover`',
  });
}
