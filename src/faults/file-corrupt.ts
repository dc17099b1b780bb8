import { join } from 'node:path';
import { z } from 'zod';
import { ZashikiError } from '../core/errors.ts';
import { Bytes } from '../core/fields.ts';
import { seededRng } from '../core/rng.ts';
import { defineFault } from './fault.ts';
import { besideOf, corrupt, type Damage, type Finding, hashOf, inspect, repair } from './parts/damage.ts';
import { lookAt, onDisk } from './parts/disk.ts';
import { FilePath } from './parts/file-path.ts';
import { writeNote } from './parts/notes.ts';
import { requireForeign } from './parts/own-files.ts';
import { claimOf, drift, follow, pinFile } from './parts/pinned-file.ts';
import { inFolder } from './parts/place.ts';
import { requireSetgid } from './parts/setgid.ts';

/** The largest `bytes`: what is damaged must be put back in seconds. */
const most = 64 * 1024 ** 2;

/**
 * Damages a file in place, silently: its times stay as they were, like those of a file that rots on disk. Only the
 * touched range is copied away. Recover puts it back together with mode and times (to the microsecond, and to the
 * nanosecond where `touch` is installed; extended attributes are never touched), under whatever name the file has in its
 * folder by then. Bytes that somebody else has written meanwhile are left, and the original ones are put beside as
 * PATH.zashiki-original-TAG; so they are when the file cannot be found, or was cut and appended to: then it is not over.
 */
export default defineFault({
  id: 'file-corrupt',
  summary: 'Damage a file in place: flip bytes, zero them, or cut the file short.',
  needs: ['files'],
  params: z.strictObject({
    path: FilePath,
    mode: z
      .enum(['flip', 'zero', 'truncate'])
      .default('flip')
      .describe('flip changes bytes at random, zero overwrites them with 0, truncate cuts the file. Default flip.'),
    bytes: Bytes.refine((bytes) => bytes <= most, 'more than 64MiB: name at most 64MiB; a smaller damage is as bad')
      .prefault(16)
      .describe('How many bytes in a row are damaged (flip, zero), at most 64MiB. Default 16.'),
    offset: Bytes.optional().describe(
      'Where the damage begins, in bytes from the start. Default: drawn at random; for truncate the middle of the file.',
    ),
  }),
  reversible: true,
  undoneBy: 'writing the original bytes back, then mode and times',
  async plan(on, params, context) {
    const { tag } = context;
    const file = await pinFile(on.files, params.path);
    requireForeign(file.path, context);
    requireSetgid(file);
    const offset = params.offset ?? null;
    if (file.size === 0 || (offset !== null && offset >= file.size)) {
      throw new ZashikiError(
        'usage',
        `${file.asked} has ${file.size} bytes: nothing at offset ${offset ?? 0} to damage`,
        {
          hint: 'give a smaller offset, or another file',
        },
      );
    }
    const draw = seededRng(0, tag);
    const wanted = params.mode === 'truncate' ? file.size : Math.max(1, params.bytes);
    const drawn =
      params.mode === 'truncate' ? Math.floor(file.size / 2) : draw.below(Math.max(1, file.size - wanted + 1));
    const start = offset ?? drawn;
    const range = { start, length: Math.min(wanted, file.size - start) };
    const sha256 = await inFolder(file, 'in', (folder) => onDisk('read', file.path, () => hashOf(folder, file, range)));
    if (typeof sha256 === 'string') throw drift(file, sha256);
    await writeNote(context, 'planned');
    const damage: Damage = { mode: params.mode, ...range, key: tag, sha256: sha256.done };
    return { file, damage };
  },
  async inject(_on, _params, { file, damage }, context) {
    const done = await inFolder(file, 'in', (folder) =>
      onDisk('write to', file.path, () => corrupt(folder, file, damage, context)),
    );
    if (done !== 'done') throw drift(file, done);
  },
  async observe(_on, _params, { file, damage }, context) {
    const found = await inFolder(file, 'in', (folder) =>
      onDisk('read', file.path, () => inspect(folder, file, damage, context)),
    );
    if (found.state === 'damaged')
      return { yes: true, detail: `${damage.length} bytes at ${damage.start}: ${words[damage.mode]}` };
    return { yes: false, detail: `${file.asked} ${tell(found)}` };
  },
  async recover(_on, { file, damage }, context) {
    await inFolder(file, 'out', (folder) => onDisk('restore', file.path, () => repair(folder, file, damage, context)));
  },
  async verify(_on, { file, damage }, context) {
    return await inFolder(file, 'out', async (folder) => {
      const found = await onDisk('read', file.path, () => inspect(folder, file, damage, context));
      const now = await follow(folder, file);
      const names = [...new Set([besideOf(now.name, damage), besideOf(folder.name, damage)])];
      const there = await Promise.all(names.map(async (name) => ((await lookAt(folder.at(name))) ? [name] : [])));
      const beside = there.flat().map((name) => `; the original bytes are in ${join(folder.path, name)}`);
      const path = now.name === folder.name ? '' : `, now ${join(folder.path, now.name)},`;
      // After a cut, what was appended stands where the original went on.
      const left = found.state === 'foreign' && damage.mode !== 'truncate' && found.unclear === 0;
      return {
        yes: found.state === 'untouched' || left,
        detail: `${file.asked}${path} ${tell(found)}${beside.join('')}`,
      };
    });
  },
  claims({ file }) {
    return [claimOf(file)];
  },
});

const words = { flip: 'flipped', zero: 'zeroed', truncate: 'cut off' } as const;

function tell({ state, foreign, unclear }: Finding): string {
  const theirs = `${foreign} bytes were changed by somebody else meanwhile, and were left so`;
  const doubt = unclear > 0 ? `; of ${unclear} more it cannot be told whose they are` : '';
  if (state === 'foreign') return `is not as it was: ${theirs}${doubt}`;
  return { ...findings, 'partly damaged': `is damaged in part${foreign > 0 ? `; ${theirs}` : ''}${doubt}` }[state];
}

const findings = {
  untouched: 'is as it was',
  damaged: 'is damaged',
  lost: 'was replaced, moved or deleted by somebody else meanwhile: the damaged file cannot be found',
  'no copy': 'is not as it was, and the copy of its bytes is gone',
} as const;
