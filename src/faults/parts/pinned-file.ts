import type { BigIntStats } from 'node:fs';
import type { FilesCapability } from '../../capabilities/files.ts';
import { ZashikiError } from '../../core/errors.ts';
import { hold, lookAt, onDisk } from './disk.ts';
import { findEntry, type HeldFolder, isWhiteout, type Place, pinPlace, realPath, sameNumbers } from './place.ts';
import { sameTime } from './times.ts';

/** A regular file as it was when the plan was made: which one it is, and its metadata. Plain JSON. */
export type PinnedFile = Place & {
  readonly dev: string;
  readonly ino: string;
  readonly size: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly atimeNs: string;
  readonly mtimeNs: string;
  /** When the file was made, where that is known: a number of a file that is gone may be given to a new one. */
  readonly birthNs?: string;
  /** Its number in the layer of its target, when it was there already: what the image brought comes there by a change. */
  readonly layerIno?: string;
};

/** The same for all faults that change this file, however they came to it. */
export const claimOf = ({ dev, ino }: Pick<PinnedFile, 'dev' | 'ino'>): string => `file ${dev}:${ino}`;

/**
 * Pin a regular file. A link is followed to the file behind it. Throws `not-supported` for anything but a regular
 * file, `file-unreadable` when nothing is there.
 */
export async function pinFile(files: FilesCapability, asked: string): Promise<PinnedFile> {
  const resolved = await files.resolve(asked);
  const path = await realPath(resolved);
  const found = await onDisk('look at', path, () => lookAt(path));
  if (!found) {
    throw new ZashikiError('file-unreadable', `${asked} does not exist`, {
      hint: 'give the path as the target sees it, from the root',
    });
  }
  if (!found.isFile()) {
    const what = found.isDirectory() ? 'a folder' : 'a device, socket or pipe';
    throw new ZashikiError('not-supported', `${asked} is ${what}: only regular files are changed`, {
      hint: 'name a regular file',
    });
  }
  const place = await pinPlace(asked, path, (await files.remains?.(asked)) ?? null);
  const layerIno = await inoInLayer(place);
  return {
    ...place,
    ...(layerIno === undefined ? {} : { layerIno }),
    dev: String(found.dev),
    ino: String(found.ino),
    size: Number(found.size),
    mode: Number(found.mode) & 0o7777,
    uid: Number(found.uid),
    gid: Number(found.gid),
    atimeNs: String(found.atimeNs),
    mtimeNs: String(found.mtimeNs),
    ...(found.birthtimeNs > 0n ? { birthNs: String(found.birthtimeNs) } : {}),
  };
}

/** Whether this very file (not another one of the same name) has this name in its folder. */
export async function pinnedAt(
  folder: HeldFolder,
  file: PinnedFile,
  name = folder.name,
): Promise<'same' | 'other' | 'nothing'> {
  const found = await lookAt(folder.at(name));
  if (!found || (folder.layer && isWhiteout(found))) return 'nothing';
  return isPinned(found, file, folder) ? 'same' : 'other';
}

async function inoInLayer({ remains }: Place): Promise<string | undefined> {
  if (remains === undefined || remains === 'nothing') return undefined;
  const found = await lookAt(`${remains.upper}${remains.inside}`);
  return found?.isFile() ? String(found.ino) : undefined;
}

function isPinned(found: BigIntStats, file: PinnedFile, { sameBoot, layer }: HeldFolder): boolean {
  // The copy of a file of the image has the times of the original, and a number that nobody could know before.
  if (layer && file.layerIno === undefined) return found.isFile() && sameTime(found.mtimeNs, file.mtimeNs);
  if (layer) return String(found.ino) === file.layerIno;
  if (file.remains !== undefined) return sameNumbers(found, file, sameBoot && file.remains === 'nothing');
  if (!sameNumbers(found, file, sameBoot)) return false;
  const born = found.birthtimeNs > 0n ? String(found.birthtimeNs) : file.birthNs;
  return file.birthNs === undefined || born === file.birthNs;
}

/** The name that the pinned file has in its folder now, its own first; undefined when it has none there. */
export async function nameOf(folder: HeldFolder, file: PinnedFile): Promise<string | undefined> {
  if ((await pinnedAt(folder, file)) === 'same') return folder.name;
  return await findEntry(folder.at(''), (found) => isPinned(found, file, folder));
}

/** Like the folder, with the name that the pinned file has there now; unchanged when it has none. */
export async function follow(folder: HeldFolder, file: PinnedFile): Promise<HeldFolder> {
  return { ...folder, name: (await nameOf(folder, file)) ?? folder.name };
}

/** Throws `plan-drift` unless the pinned file is still there. */
export async function requirePinned(folder: HeldFolder, file: PinnedFile): Promise<void> {
  const now = await onDisk('look at', file.path, () => pinnedAt(folder, file));
  if (now !== 'same') throw drift(file, now);
}

/** The error for a pinned file that is not there any more. */
export const drift = (file: PinnedFile, now: 'other' | 'nothing'): ZashikiError =>
  new ZashikiError(
    'plan-drift',
    `${file.asked} ${now === 'nothing' ? 'is gone' : 'was replaced'} since the plan was made`,
    {
      hint: 'plan again',
    },
  );

/** A pinned file, held: `path` leads to this very file, whatever its name belongs to by now. */
export interface HeldFile {
  readonly path: string;
  readonly now: BigIntStats;
}

/** Work on the very file that was pinned; a link in its place is not followed. Says what is there instead. */
export async function withPinned<T>(
  folder: HeldFolder,
  file: PinnedFile,
  work: (held: HeldFile) => Promise<T>,
): Promise<{ readonly done: T } | 'other' | 'nothing'> {
  const handle = await hold(folder.at(folder.name));
  if (!handle) return 'nothing';
  try {
    const now = await handle.stat({ bigint: true });
    if (!now.isFile() || !isPinned(now, file, folder)) return 'other';
    return { done: await work({ path: `/proc/self/fd/${handle.fd}`, now }) };
  } finally {
    await handle.close();
  }
}
