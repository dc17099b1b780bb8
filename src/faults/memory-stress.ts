import { freemem } from 'node:os';
import { z } from 'zod';
import { ZashikiError } from '../core/errors.ts';
import { Bytes } from '../core/fields.ts';
import { defineFault } from './fault.ts';
import { formatBytes } from './parts/size.ts';
import { endLoad, loadIsGone, startLoad } from './parts/stress.ts';
import { poll } from './parts/wait.ts';

/** Takes memory beside the target and keeps touching it, in its cgroup where possible. */
export default defineFault({
  id: 'memory-stress',
  summary: 'Take memory beside the target and hold it, in its cgroup where possible.',
  needs: ['cgroup'],
  params: z.strictObject({
    size: Bytes.prefault('256MiB').describe(
      'How much memory in all. Default 256MiB. No more than the machine has to spare.',
    ),
    workers: z.int().min(1).max(256).default(1).describe('How many processes share it. Default 1.'),
  }),
  reversible: true,
  undoneBy: 'ending the workers',
  // What it makes is its own: several may be on at a time.
  claims: () => [],
  async plan(on, params) {
    const free = freemem();
    if (params.size > free) {
      throw new ZashikiError(
        'refused',
        `${formatBytes(params.size)} is more than the ${formatBytes(free)} of memory to spare`,
        {
          hint: 'ask for less: out of memory, the kernel would end processes that nobody chose',
        },
      );
    }
    const room = (await on.cgroup.room?.()) ?? null;
    if (room !== null && params.size > room) {
      throw new ZashikiError(
        'refused',
        `${formatBytes(params.size)} is more than the ${formatBytes(room)} that fit in the cgroup of the target`,
        { hint: 'ask for less; to see what the OOM killer does, use memory-exhaust' },
      );
    }
    return { size: params.size, workers: params.workers };
  },
  async inject(on, _params, { size, workers }, context) {
    const each = Math.ceil(size / workers);
    await startLoad(
      on.cgroup,
      {
        // stress-ng divides --vm-bytes among its instances.
        stressNg: ['--vm', String(workers), '--vm-bytes', String(size), '--vm-keep', '--vm-hang', '0'],
        worker: { name: 'memory', args: ['--size', String(each)], count: workers },
      },
      context,
    );
  },
  async observe(on, _params, { size }, context) {
    let rss = 0;
    const seen = await poll(
      15_000,
      context,
      async () => {
        if ((await on.cgroup.find(context.tag)).length === 0) return 'ended';
        rss = (await on.cgroup.usage(context.tag)).rssBytes;
        return rss >= size * 0.8 ? 'held' : undefined;
      },
      100,
    );
    if (seen === 'ended') return { yes: false, detail: 'the workers ended; the kernel may have run out of memory' };
    return { yes: seen === 'held', detail: `${formatBytes(rss)} held, ${formatBytes(size)} asked for` };
  },
  async recover(on, _undo, context) {
    await endLoad(on.cgroup, context);
  },
  async verify(on, _undo, context) {
    return await loadIsGone(on.cgroup, context);
  },
});
