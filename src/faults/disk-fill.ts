import { unlink } from 'node:fs/promises';
import { z } from 'zod';
import { ZashikiError } from '../core/errors.ts';
import { Bytes, Share } from '../core/fields.ts';
import { defineFault } from './fault.ts';
import { lookAt, onDisk, requireFolder } from './parts/disk.ts';
import { FolderPath } from './parts/file-path.ts';
import { fill, freeBytes, isOurs } from './parts/filling.ts';
import { requireForeign } from './parts/own-files.ts';
import { inFolder, pinNewName, realPath } from './parts/place.ts';
import { formatBytes } from './parts/size.ts';

/**
 * Fills the disk under a folder with one file, `.zashiki-fill-TAG`. Unless a size is given, some space always stays:
 * other programs, and our own journal, may live on the same disk.
 */
export default defineFault({
  id: 'disk-fill',
  summary: 'Fill the disk under a folder.',
  needs: ['files'],
  params: z
    .strictObject({
      path: FolderPath,
      size: Bytes.optional().describe('Fill exactly this much, whatever is left then. Excludes percent and leave.'),
      percent: Share.optional().describe('Fill this share of the free space, e.g. 80%. Excludes size and leave.'),
      leave: Bytes.optional().describe(
        'Fill until this much is free. Excludes size and percent. Default: 5 % of the disk.',
      ),
      reserve: Bytes.prefault('64MiB').describe(
        'Never leave less than this free, unless size is given. Default 64MiB.',
      ),
    })
    .refine((given) => [given.size, given.percent, given.leave].filter((value) => value !== undefined).length <= 1, {
      message: 'size, percent and leave exclude each other: give one of them',
    }),
  reversible: true,
  undoneBy: 'deleting that one file',
  // What it makes is its own: several may be on at a time.
  claims: () => [],
  async plan(on, params, context) {
    const folder = await on.files.resolve(params.path);
    await requireFolder(folder);
    requireForeign(await realPath(folder), context);
    const { free, total } = await freeBytes(folder);
    const byRest = free - (params.leave ?? Math.floor(total * 0.05));
    const wanted = params.size ?? (params.percent === undefined ? byRest : Math.floor(free * params.percent));
    const bytes = params.size ?? Math.min(wanted, free - params.reserve);
    if (bytes <= 0) {
      throw new ZashikiError('refused', `only ${formatBytes(free)} are free under ${params.path}: nothing to fill`, {
        hint: 'give a smaller leave or reserve, or a size',
      });
    }
    if (bytes > free) {
      throw new ZashikiError(
        'refused',
        `${formatBytes(bytes)} do not fit in the ${formatBytes(free)} free under ${params.path}`,
        {
          hint: 'to fill it up, give leave: 0 and reserve: 0',
        },
      );
    }
    const reserve = params.size === undefined ? params.reserve : 0;
    const file = await pinNewName(on.files, params.path, `.zashiki-fill-${context.tag}`);
    return { file, bytes, reserve, uid: process.geteuid?.() ?? 0 };
  },
  async inject(_on, _params, undo, { signal }) {
    await inFolder(undo.file, 'in', ({ at, name }) =>
      onDisk('fill', undo.file.path, () => fill({ ...undo, folder: at(''), name, signal })),
    );
  },
  async observe(_on, _params, { file, bytes, reserve }) {
    return await inFolder(file, 'in', async ({ at, name }) => {
      const found = await lookAt(at(name));
      if (!found) return { yes: false, detail: `${file.path} is not there` };
      const taken = Number(found.blocks) * 512;
      const { free } = await freeBytes(at(''));
      // Less is no lie either, when the disk was full before the file was complete.
      const yes = taken >= bytes * 0.99 || free <= Math.max(reserve, 1 << 20);
      return { yes, detail: `${formatBytes(taken)} of ${formatBytes(bytes)} filled, ${formatBytes(free)} free` };
    });
  },
  async recover(_on, { file, uid }) {
    await inFolder(file, 'out', async ({ at, name }) => {
      if (isOurs(await lookAt(at(name)), uid)) await onDisk('delete', file.path, () => unlink(at(name)));
    });
  },
  async verify(_on, { file, uid }) {
    return await inFolder(file, 'out', async ({ at, name }) => {
      const found = await lookAt(at(name));
      if (isOurs(found, uid)) return { yes: false, detail: `${file.path} is still there` };
      return { yes: true, detail: found ? `what is at ${file.path} is not ours, and was left` : 'the file is gone' };
    });
  },
});
