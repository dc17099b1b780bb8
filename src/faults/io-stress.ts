import type { BigIntStats } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { z } from 'zod';
import { ZashikiError } from '../core/errors.ts';
import { Bytes } from '../core/fields.ts';
import { defineFault } from './fault.ts';
import { errno, lookAt, onDisk, removeFolder } from './parts/disk.ts';
import { FolderPath } from './parts/file-path.ts';
import { inFolder, type Place, pinNewName } from './parts/place.ts';
import { formatBytes } from './parts/size.ts';
import { endLoad, loadIsGone, startLoad } from './parts/stress.ts';
import { poll } from './parts/wait.ts';

/** Writes to and reads from a disk without end, in a folder of its own that recover removes. */
export default defineFault({
  id: 'io-stress',
  summary: 'Keep a disk busy with writes and syncs beside the target.',
  needs: ['cgroup', 'files'],
  params: z.strictObject({
    path: FolderPath.default('/tmp'),
    workers: z.int().min(1).max(256).default(1).describe('How many processes do so. Default 1.'),
    size: Bytes.prefault('64MiB').describe('Size of the file that each worker writes over and over. Default 64MiB.'),
  }),
  reversible: true,
  undoneBy: 'ending the workers and removing their folder',
  // What it makes is its own: several may be on at a time.
  claims: () => [],
  async plan(on, params, { tag }) {
    const { path, workers, size } = params;
    const folder = await pinNewName(on.files, path, `.zashiki-io-${tag}`);
    return { folder, workers, size, uid: process.geteuid?.() ?? 0 };
  },
  async inject(on, _params, undo, context) {
    const folder = undo.folder.path;
    await makeFolder(undo.folder, undo.uid);
    await startLoad(
      on.cgroup,
      {
        stressNg:
          undo.size < leastOfStressNg
            ? null
            : [
                ...['--hdd', String(undo.workers), '--hdd-bytes', String(undo.size)],
                ...['--hdd-opts', 'wr-seq,fsync', '--temp-path', folder],
              ],
        worker: { name: 'io', args: ['--folder', folder, '--size', String(undo.size)], count: undo.workers },
      },
      context,
    );
  },
  async observe(on, _params, undo, context) {
    const first = (await on.cgroup.usage(context.tag)).writtenBytes;
    let more = 0;
    const seen = await poll(
      15_000,
      context,
      async () => {
        if ((await on.cgroup.find(context.tag)).length === 0) return 'ended';
        more = (await on.cgroup.usage(context.tag)).writtenBytes - first;
        return more >= Math.min(undo.size, 1 << 20) ? 'busy' : undefined;
      },
      100,
    );
    if (seen === 'ended') return { yes: false, detail: 'the workers ended; is the disk full?' };
    return { yes: seen === 'busy', detail: `${formatBytes(more)} written while looking` };
  },
  async recover(on, undo, context) {
    await endLoad(on.cgroup, context);
    await inFolder(undo.folder, 'out', async ({ at, name }) => {
      if (!isOurs(await lookAt(at(name)), undo.uid)) return;
      await onDisk('remove', undo.folder.path, () => removeFolder(at(name), ({ uid }) => Number(uid) === undo.uid));
    });
  },
  async verify(on, undo, context) {
    const gone = await loadIsGone(on.cgroup, context);
    if (!gone.yes) return gone;
    return await inFolder(undo.folder, 'out', async ({ at, name }) => {
      const left = isOurs(await lookAt(at(name)), undo.uid);
      return left ? { yes: false, detail: `${undo.folder.path} is still there` } : gone;
    });
  },
});

/** stress-ng (0.15) ends at once when it is told to write smaller files. */
const leastOfStressNg = 2 ** 20;

/** A folder that we may have made: the name holds our tag, and nobody else can make one that is owned by us. */
const isOurs = (found: BigIntStats | undefined, uid: number): boolean =>
  found?.isDirectory() === true && Number(found.uid) === uid;

async function makeFolder(place: Place, uid: number): Promise<void> {
  await inFolder(place, 'in', ({ at, name }) =>
    onDisk('make', place.path, async () => {
      try {
        await mkdir(at(name), { mode: 0o700 });
      } catch (error) {
        if (errno(error) !== 'EEXIST') throw error;
        if (isOurs(await lookAt(at(name)), uid)) return;
        throw new ZashikiError('inject-failed', `${place.path} is there already, and is not a folder of ours`);
      }
    }),
  );
}
