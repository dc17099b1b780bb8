import { chmod } from 'node:fs/promises';
import { z } from 'zod';
import { defineFault } from './fault.ts';
import { onDisk } from './parts/disk.ts';
import { FilePath } from './parts/file-path.ts';
import { dropNote, readNote, writeNote } from './parts/notes.ts';
import { requireForeign } from './parts/own-files.ts';
import { claimOf, drift, follow, type HeldFile, type PinnedFile, pinFile, withPinned } from './parts/pinned-file.ts';
import { inFolder } from './parts/place.ts';
import { requireSetgid } from './parts/setgid.ts';

const octal = (mode: number) => mode.toString(8).padStart(4, '0');

/** Changes the permission bits of a file. Owner, times and content stay; root is not bound by most of these bits. */
export default defineFault({
  id: 'file-permission',
  summary: 'Change the permission bits of a file.',
  needs: ['files'],
  params: z.strictObject({
    path: FilePath,
    mode: z
      .string()
      .regex(
        /^0?[0-7]{3,4}$/,
        'not an octal mode: write three or four digits from 0 to 7 in quotes, like "000" or "0444"',
      )
      .default('0000')
      .describe('Permission bits while the fault is on, octal, in quotes. Default "0000".'),
  }),
  reversible: true,
  undoneBy: 'setting the former permission bits',
  async plan(on, params, context) {
    const file = await pinFile(on.files, params.path);
    requireForeign(file.path, context);
    const mode = Number.parseInt(params.mode, 8);
    requireSetgid(file, file.mode | mode);
    await writeNote(context, 'planned');
    return { file, mode };
  },
  async inject(_on, _params, { file, mode }, context) {
    const changed = await onFile(file, 'in', async ({ path }) => {
      await dropNote(context, 'planned');
      await dropNote(context, 'restored');
      await chmod(path, mode);
    });
    if (typeof changed === 'string') throw drift(file, changed);
  },
  async observe(_on, _params, { file, mode }) {
    const now = await modeOf(file, 'in');
    if (typeof now === 'string') return { yes: false, detail: `${file.asked} is gone` };
    if (now !== mode) return { yes: false, detail: `mode is ${octal(now)}, not ${octal(mode)}` };
    return { yes: now !== file.mode, detail: `mode is ${octal(now)}, it was ${octal(file.mode)}` };
  },
  async recover(_on, { file, mode }, context) {
    const done = await onFile(file, 'out', async ({ path, now }) => {
      // A mode that is not ours is somebody else's doing.
      if (bits(now.mode) !== mode) return;
      requireSetgid(file);
      await chmod(path, file.mode);
    });
    if (typeof done !== 'string') await writeNote(context, 'restored');
  },
  async verify(_on, { file, mode }, context) {
    const now = await modeOf(file, 'out');
    if (typeof now === 'string') {
      const what = `${file.asked} was ${now === 'other' ? 'replaced' : 'moved or deleted'} by somebody else`;
      if (await readNote(context, 'restored')) return { yes: true, detail: `${what} after its mode was set back` };
      if (await readNote(context, 'planned')) return { yes: true, detail: `${what}; its mode was never changed` };
      return { yes: false, detail: `${what} meanwhile: the file with our mode ${octal(mode)} cannot be found` };
    }
    if (now === file.mode) return { yes: true, detail: `mode is ${octal(now)}, as before` };
    if (now === mode) return { yes: false, detail: `mode is still ${octal(now)}, it was ${octal(file.mode)}` };
    return { yes: true, detail: `mode is ${octal(now)}: somebody else changed it meanwhile, so it was left` };
  },
  claims({ file }) {
    return [claimOf(file)];
  },
});

const bits = (mode: bigint) => Number(mode) & 0o7777;

/** Through the file itself, never by its name, which may be given to another file at any moment; on the way out, under whatever name it has in its folder. */
const onFile = <T>(file: PinnedFile, going: 'in' | 'out', work: (held: HeldFile) => Promise<T>) =>
  inFolder(file, going, (folder) =>
    onDisk('change the mode of', file.path, async () =>
      withPinned(going === 'out' ? await follow(folder, file) : folder, file, work),
    ),
  );

async function modeOf(file: PinnedFile, going: 'in' | 'out'): Promise<number | 'other' | 'nothing'> {
  const seen = await onFile(file, going, async ({ now }) => bits(now.mode));
  return typeof seen === 'string' ? seen : seen.done;
}
