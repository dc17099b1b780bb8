import { link, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { FaultContext } from '../core/ports.ts';
import { defineFault } from './fault.ts';
import { errno, lookAt, onDisk, syncFolder } from './parts/disk.ts';
import { FilePath } from './parts/file-path.ts';
import { dropNote, readNote, writeNote } from './parts/notes.ts';
import { requireForeign } from './parts/own-files.ts';
import { claimOf, drift, nameOf, type PinnedFile, pinFile, pinnedAt, requirePinned } from './parts/pinned-file.ts';
import { clearWhiteout, type HeldFolder, inFolder } from './parts/place.ts';

const cannotLink: readonly string[] = ['EPERM', 'EMLINK', 'EOPNOTSUPP', 'ENOTSUP', 'ENOSYS', 'EXDEV'];

type Tag = Pick<FaultContext, 'tag'>;

const keptName = ({ tag }: Tag) => `.zashiki-kept-${tag}`;
const conflictName = (name: string, { tag }: Tag) => `${name}.zashiki-conflict-${tag}`;
const originalName = (name: string, { tag }: Tag) => `${name}.zashiki-original-${tag}`;

/**
 * Deletes a file: its name goes, the file itself waits under a hidden name in the same folder, so that recover gives
 * back the very same inode with content, owner, mode, times and extended attributes. Only the change time (ctime) and
 * the folder's own times move. All is done in the very folder that was pinned, so no other folder's names are at stake. When the application has made a new file meanwhile, nothing is lost: see `onConflict`.
 */
export default defineFault({
  id: 'file-delete',
  summary: 'Delete a file.',
  needs: ['files'],
  params: z.strictObject({
    path: FilePath,
    onConflict: z
      .enum(['restore', 'keep'])
      .default('restore')
      .describe(
        'If a new file is there at recover. restore: the original comes back, the new one becomes PATH.zashiki-conflict-TAG. keep: the new one stays, the original becomes PATH.zashiki-original-TAG. Default restore.',
      ),
  }),
  reversible: true,
  undoneBy: 'giving the very same file its name back',
  async plan(on, params, context) {
    const file = await pinFile(on.files, params.path);
    requireForeign(file.path, context);
    await writeNote(context, 'planned');
    return { file, onConflict: params.onConflict };
  },
  async inject(_on, _params, { file }, context) {
    await inFolder(file, 'in', async (folder) => {
      const kept = keptName(context);
      await dropNote(context, 'given-back');
      if (!(await lookAt(folder.at(kept)))) {
        await requirePinned(folder, file);
        await dropNote(context, 'planned');
        await onDisk('delete', file.path, () => putAside(folder, kept, file));
      }
      // What is kept must be our file before its name goes.
      if ((await pinnedAt(folder, file, kept)) !== 'same') throw drift(file, 'other');
      const isThere = (await pinnedAt(folder, file)) === 'same';
      if (isThere) await onDisk('delete', file.path, () => unlink(folder.at(folder.name)));
      await syncFolder(folder.at(''));
    });
  },
  async observe(_on, _params, { file }, context) {
    return await inFolder(file, 'in', async (folder) => {
      const now = await pinnedAt(folder, file);
      const kept = await pinnedAt(folder, file, keptName(context));
      if (now === 'same' || kept !== 'same') return { yes: false, detail: `${file.asked} is still there` };
      const again = now === 'other' ? ', and somebody has made a new file of that name' : '';
      return { yes: true, detail: `${file.asked} is deleted${again}` };
    });
  },
  async recover(_on, { file, onConflict }, context) {
    await inFolder(file, 'out', async (folder) => {
      if ((await pinnedAt(folder, file, keptName(context))) !== 'same') return;
      await clearWhiteout(folder);
      await onDisk('restore', file.path, () => giveBack(folder, file, onConflict, context));
      await writeNote(context, 'given-back');
      await syncFolder(folder.at(''));
    });
  },
  async verify(_on, { file }, context) {
    return await inFolder(file, 'out', async (folder) => {
      if ((await pinnedAt(folder, file, keptName(context))) === 'same') {
        return { yes: false, detail: `${file.asked} is still put aside` };
      }
      const path = (name: string) => join(folder.path, name);
      const [conflict, original] = [conflictName(folder.name, context), originalName(folder.name, context)];
      const now = await pinnedAt(folder, file);
      if (now === 'same') {
        const theirs = await lookAt(folder.at(conflict));
        const beside = theirs ? `; the file made meanwhile is now ${path(conflict)}` : '';
        return { yes: true, detail: `${file.asked} is back, the same file${beside}` };
      }
      if ((await pinnedAt(folder, file, original)) === 'same') {
        return { yes: true, detail: `the new ${file.asked} stays; the original is ${path(original)}` };
      }
      const elsewhere = await nameOf(folder, file);
      if (elsewhere !== undefined) return { yes: true, detail: `${file.asked} has been renamed to ${path(elsewhere)}` };
      const what = now === 'other' ? 'was replaced' : 'is missing';
      if (await readNote(context, 'planned')) return { yes: true, detail: `${file.asked} ${what}, and not by us` };
      if (await readNote(context, 'given-back'))
        return { yes: true, detail: `${file.asked} was given back, and ${what}` };
      return { yes: false, detail: `${file.asked} ${what}, and the file that was put aside cannot be found` };
    });
  },
  claims({ file }) {
    return [claimOf(file)];
  },
});

/**
 * A second name first, so that the deletion itself is a real unlink; where links are not allowed, one rename. If the
 * name has come to another file since the look, that one gets it back.
 */
async function putAside(folder: HeldFolder, kept: string, file: PinnedFile): Promise<void> {
  const [from, to] = [folder.at(folder.name), folder.at(kept)];
  let renamed = false;
  try {
    await link(from, to);
  } catch (error) {
    if (!cannotLink.includes(errno(error) ?? '')) throw error;
    await rename(from, to);
    renamed = true;
  }
  if ((await pinnedAt(folder, file, kept)) === 'same') return;
  if (!renamed) await unlink(to);
  else if (!(await lookAt(from))) await rename(to, from);
  throw drift(file, 'other');
}

async function giveBack(
  folder: HeldFolder,
  file: PinnedFile,
  onConflict: 'restore' | 'keep',
  context: FaultContext,
): Promise<void> {
  const kept = keptName(context);
  // Each turn of the loop meets one new file; an application that makes one every time must end some day.
  for (let turn = 0; turn < 100; turn++) {
    const now = await pinnedAt(folder, file);
    if (now === 'same') return await unlink(folder.at(kept));
    if (now === 'other') {
      if (onConflict === 'keep') {
        return await rename(folder.at(kept), await freeName(folder, originalName(folder.name, context)));
      }
      await rename(folder.at(folder.name), await freeName(folder, conflictName(folder.name, context)));
    }
    if (await nameAgain(folder.at(kept), folder.at(folder.name))) return;
  }
  throw new Error('somebody makes a new file of that name again and again');
}

/** The path of the name, or of the name with a number if it is taken. */
async function freeName({ at }: HeldFolder, name: string): Promise<string> {
  for (let n = 1; ; n++) {
    const candidate = at(n === 1 ? name : `${name}-${n}`);
    if (!(await lookAt(candidate))) return candidate;
  }
}

/** True when done; false when a new file of that name has come up in between. */
async function nameAgain(kept: string, path: string): Promise<boolean> {
  try {
    // Unlike rename, link never replaces what is there.
    await link(kept, path);
    await unlink(kept);
    return true;
  } catch (error) {
    if (errno(error) === 'EEXIST') return false;
    if (!cannotLink.includes(errno(error) ?? '')) throw error;
    if (await lookAt(path)) return false;
    await rename(kept, path);
    return true;
  }
}
