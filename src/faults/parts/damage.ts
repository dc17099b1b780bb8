import { constants } from 'node:fs';
import { copyFile, type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { ZashikiError } from '../../core/errors.ts';
import type { FaultContext } from '../../core/ports.ts';
import { errno, lookAt, syncFolder } from './disk.ts';
import { type Mixed, tellApart } from './mixed.ts';
import { dropNote, readNote, writeNote } from './notes.ts';
import { follow, nameOf, type PinnedFile, withPinned } from './pinned-file.ts';
import type { HeldFolder } from './place.ts';
import { flipped, hashRange, piecesOf, type Range, readRange, saveRange, writeAt } from './ranges.ts';
import { requireSetgid } from './setgid.ts';
import { sameTime, setTimes } from './times.ts';

/** What is done to which stretch of a file; `key` seeds the flipping, `sha256` is of the original bytes. Plain JSON. */
export type Damage = Range & {
  readonly mode: 'flip' | 'zero' | 'truncate';
  readonly key: string;
  readonly sha256: string;
};

/** How the file stands compared with the original and with our damage. */
export interface Finding {
  readonly state: 'untouched' | 'damaged' | 'partly damaged' | 'foreign' | 'lost' | 'no copy';
  /** Bytes that somebody else has written, and bytes of which that cannot be told. */
  readonly foreign: number;
  readonly unclear: number;
}

type Keep = Pick<FaultContext, 'keep' | 'signal'>;

const copyIn = ({ keep }: Keep) => join(keep, 'original');
const found = (state: Finding['state'], foreign = 0, unclear = 0): Finding => ({ state, foreign, unclear });

/** The name under which original bytes are put beside a file that somebody has rewritten. */
export const besideOf = (name: string, { key }: Damage): string => `${name}.zashiki-original-${key}`;

/** SHA-256 of the range as it is now. Says what is there instead of the pinned file. */
export const hashOf = (folder: HeldFolder, file: PinnedFile, range: Range) =>
  usingPinned(folder, file, constants.O_RDONLY, (handle) => hashRange(handle, range));

/** Do the damage. The original bytes are on disk first; may be repeated from any point. Says what is there instead. */
export async function corrupt(
  folder: HeldFolder,
  file: PinnedFile,
  damage: Damage,
  context: Keep,
): Promise<'done' | 'other' | 'nothing'> {
  const done = await usingPinned(folder, file, constants.O_RDWR, async (handle) => {
    if (!(await lookAt(copyIn(context)))) await saveRange(handle, damage, copyIn(context));
    await dropNote(context, 'planned');
    if (damage.mode === 'truncate') await handle.truncate(damage.start);
    else {
      await usingCopy(context, async (copy) => {
        for (const part of piecesOf(damage)) {
          context.signal.throwIfAborted();
          const original = await readRange(copy, { start: part.start - damage.start, length: part.length });
          await writeAt(handle, ours(original, damage, part.start), part.start);
        }
      });
    }
    await setTimes(handle, file);
    await handle.sync();
  });
  if (typeof done === 'string') return done;
  await dropNote(context, 'repaired');
  await dropNote(context, 'repairing');
  await writeNote(context, 'damaged');
  return 'done';
}

/** Compare the file, under whatever name it has in its folder now, with the copy. */
export async function inspect(folder: HeldFolder, file: PinnedFile, damage: Damage, context: Keep): Promise<Finding> {
  const copied = (await lookAt(copyIn(context))) !== undefined;
  // The copy comes before the damage: where the folder of ours is as the plan left it, nothing was done.
  if (!copied && (await readNote(context, 'planned'))) return found('untouched');
  const now = await follow(folder, file);
  const seen = await usingPinned(now, file, constants.O_RDONLY, (handle) =>
    copied ? compare(handle, damage, context) : withoutCopy(handle, damage),
  );
  if (typeof seen !== 'string') return seen.done;
  return found((await readNote(context, 'repaired')) ? 'untouched' : 'lost');
}

async function compare(handle: FileHandle, damage: Damage, context: Keep): Promise<Finding> {
  const { size } = await handle.stat();
  const cut = damage.mode === 'truncate';
  if (cut && size < damage.start) return found('foreign', damage.length);
  let [differs, whole, foreign, unclear] = [false, true, 0, 0];
  await eachPiece(handle, damage, context, size, async (mixed, now, was, bad) => {
    foreign += mixed.foreign + (cut ? 0 : was.length - now.length);
    unclear += mixed.unclear;
    if (!now.equals(was)) differs = true;
    if (cut ? now.length > 0 : !now.equals(bad)) whole = false;
  });
  // What was appended to a file that we have cut stands where the original went on: only a person can tell.
  if (cut && foreign > 0) return found('foreign', foreign, unclear);
  if (!differs) return found('untouched');
  if (whole) return found('damaged');
  const left = await oursLeft(handle, damage, context, size);
  return found(left ? 'partly damaged' : 'foreign', foreign, unclear);
}

async function oursLeft(handle: FileHandle, damage: Damage, context: Keep, size: number): Promise<boolean> {
  let left = false;
  await eachPiece(handle, damage, context, size, async (mixed, now, was) => {
    if (mixed.ours.length > 0 || (damage.mode === 'truncate' && now.length < was.length)) left = true;
  });
  return left;
}

async function eachPiece(
  handle: FileHandle,
  damage: Damage,
  context: Keep,
  size: number,
  visit: (mixed: Mixed, now: Buffer, was: Buffer, bad: Buffer, at: number) => Promise<void>,
): Promise<void> {
  const beginning = damage.mode === 'truncate' && size <= damage.start + damage.length;
  await usingCopy(context, async (copy) => {
    for (const part of piecesOf(damage)) {
      context.signal.throwIfAborted();
      const now = await readRange(handle, part);
      const was = await readRange(copy, { start: part.start - damage.start, length: part.length });
      const bad = beginning ? was : ours(was, damage, part.start);
      const inner = {
        before: part.start > damage.start,
        after: part.start + part.length < damage.start + damage.length,
      };
      await visit(tellApart(now, was, bad, least[damage.mode], inner), now, was, bad, part.start);
    }
  });
}

/** From how many bytes on our own doing is no chance: programs write zeros themselves. */
const least = { flip: 4, zero: 64, truncate: 64 } as const;

/** The copy is gone: the digest tells whether the bytes are the original ones, as they are or flipped once more. */
async function withoutCopy(handle: FileHandle, damage: Damage): Promise<Finding> {
  if ((await hashRange(handle, damage)) === damage.sha256) return found('untouched');
  return found((await isFlippedWhole(handle, damage)) ? 'damaged' : 'no copy');
}

const isFlippedWhole = async (handle: FileHandle, damage: Damage): Promise<boolean> =>
  damage.mode === 'flip' &&
  (await hashRange(handle, damage, (bytes, at) => flipped(bytes, damage.key, at))) === damage.sha256;

/**
 * Write the original bytes back where they are still ours to write. May be repeated from any point. Throws
 * `recover-failed` when the copy is gone and the damage cannot be undone without it.
 */
export async function repair(folder: HeldFolder, file: PinnedFile, damage: Damage, context: Keep): Promise<void> {
  if (await readNote(context, 'repaired')) return;
  const copied = (await lookAt(copyIn(context))) !== undefined;
  if (!copied && (await readNote(context, 'planned'))) return;
  const complete = (await readNote(context, 'damaged')) !== undefined;
  const begun = (await readNote(context, 'repairing')) !== undefined;
  const named = await nameOf(folder, file);
  const now = { ...folder, name: named ?? folder.name };
  const result = await usingPinned(now, file, constants.O_RDWR, async (handle) => {
    const seen = copied ? await compare(handle, damage, context) : await withoutCopy(handle, damage);
    if (seen.state === 'foreign') return seen;
    if (seen.state === 'no copy') throw noCopy(file, context);
    const before = await handle.stat({ bigint: true });
    // A time that cannot come from our own writing is somebody else's; it is true, so it stays.
    const theirs = seen.foreign > 0 || (!begun && (complete || seen.state === 'untouched'));
    const othersWrote = theirs && !sameTime(before.mtimeNs, file.mtimeNs);
    if (!othersWrote) await writeNote(context, 'repairing');
    if (seen.state !== 'untouched') {
      await (copied ? writeBack(handle, damage, context, Number(before.size)) : flipBack(handle, damage));
    }
    // Writing takes the setuid and setgid bits away.
    const mode = Number(before.mode) & 0o7777;
    if (mode !== file.mode && (mode | 0o6000) === (file.mode | 0o6000)) {
      requireSetgid(file);
      await handle.chmod(file.mode);
    }
    await setTimes(handle, { atimeNs: file.atimeNs, mtimeNs: othersWrote ? String(before.mtimeNs) : file.mtimeNs });
    await handle.sync();
    return seen;
  });
  if (typeof result === 'string') {
    // The damaged file is somewhere else, or no more: at least its bytes must not be lost.
    if (copied) return await putBeside(folder, damage, context);
    return;
  }
  if (result.done.foreign > 0 || result.done.unclear > 0) await putBeside(folder, damage, context);
  if (result.done.state !== 'foreign' && result.done.unclear === 0) await writeNote(context, 'repaired');
}

const noCopy = (file: PinnedFile, { keep }: Keep): ZashikiError =>
  new ZashikiError('recover-failed', `${file.asked} is not as it was, and the copy of its bytes is gone from ${keep}`, {
    hint: 'restore the file from a backup',
  });

async function writeBack(handle: FileHandle, damage: Damage, context: Keep, size: number): Promise<void> {
  await eachPiece(handle, damage, context, size, async ({ ours: stretches }, now, was, _bad, at) => {
    for (const { from, to } of stretches) await writeAt(handle, was.subarray(from, to), at + from);
    if (damage.mode === 'truncate' && now.length < was.length)
      await writeAt(handle, was.subarray(now.length), at + now.length);
  });
}

async function flipBack(handle: FileHandle, damage: Damage): Promise<void> {
  for (const part of piecesOf(damage)) {
    const now = await readRange(handle, part);
    await writeAt(handle, flipped(now, damage.key, part.start), part.start);
  }
}

/**
 * The damaged form of original bytes that stand at this place. After truncate it is a hole, once a program has gone on
 * writing where it was; and a beginning of the original if recover was cut.
 */
function ours(original: Buffer, damage: Damage, at: number): Buffer {
  return damage.mode === 'flip' ? flipped(original, damage.key, at) : Buffer.alloc(original.length);
}

/** The range was rewritten by somebody: the original bytes must not be lost all the same. */
async function putBeside(folder: HeldFolder, damage: Damage, context: Keep): Promise<void> {
  try {
    const beside = folder.at(besideOf(folder.name, damage));
    await copyFile(copyIn(context), beside, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    await syncFolder(folder.at(''));
  } catch (error) {
    if (errno(error) !== 'EEXIST') throw error;
  }
}

/** Open the very file that was pinned: first held and checked, then opened by that hold, never by its name. */
const usingPinned = <T>(
  folder: HeldFolder,
  file: PinnedFile,
  flags: number,
  work: (handle: FileHandle) => Promise<T>,
): Promise<{ readonly done: T } | 'other' | 'nothing'> =>
  withPinned(folder, file, ({ path }) => using(path, flags, work));

const usingCopy = <T>(context: Keep, work: (handle: FileHandle) => Promise<T>): Promise<T> =>
  using(copyIn(context), constants.O_RDONLY, work);

async function using<T>(path: string, flags: number, work: (handle: FileHandle) => Promise<T>): Promise<T> {
  const handle = await openQuietly(path, flags);
  try {
    return await work(handle);
  } finally {
    await handle.close();
  }
}

/** Open without moving the access time, which only the owner and root may ask for. */
async function openQuietly(path: string, flags: number): Promise<FileHandle> {
  try {
    return await open(path, flags | (constants.O_NOATIME ?? 0));
  } catch (error) {
    if (errno(error) !== 'EPERM') throw error;
    return await open(path, flags);
  }
}
