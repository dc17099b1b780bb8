import { availableParallelism } from 'node:os';
import { z } from 'zod';
import { defineFault } from './fault.ts';
import { endLoad, loadIsGone, startLoad } from './parts/stress.ts';

/** Burns CPU time beside the target, in its cgroup where possible, with stress-ng or workers of our own. */
export default defineFault({
  id: 'cpu-stress',
  summary: 'Burn CPU time beside the target, in its cgroup where possible.',
  needs: ['cgroup'],
  params: z.strictObject({
    workers: z.int().min(1).max(1024).default(1).describe('How many CPUs to keep busy. Default 1.'),
    load: z.int().min(1).max(100).default(100).describe('How busy each worker is, in percent of one CPU. Default 100.'),
  }),
  reversible: true,
  undoneBy: 'ending the workers',
  // What it makes is its own: several may be on at a time.
  claims: () => [],
  async plan(_on, params) {
    return { workers: params.workers, load: params.load };
  },
  async inject(on, _params, { workers, load }, context) {
    await startLoad(
      on.cgroup,
      {
        stressNg: ['--cpu', String(workers), '--cpu-load', String(load)],
        worker: { name: 'cpu', args: ['--load', String(load)], count: workers },
      },
      context,
    );
  },
  async observe(on, _params, { workers, load }, { tag, clock, signal }) {
    const asked = (workers * load) / 100;
    const possible = Math.min(asked, availableParallelism());
    let measured = 0;
    // Others want the CPU too, and a cgroup may be throttled: a tenth of what is possible shows that it burns.
    for (let tries = 0; tries < 10; tries++) {
      if ((await on.cgroup.find(tag)).length === 0) return { yes: false, detail: 'no worker runs' };
      const [from, before] = [clock.mono(), await on.cgroup.usage(tag)];
      await clock.sleep(500, signal);
      const used = (await on.cgroup.usage(tag)).cpuMs - before.cpuMs;
      measured = Math.max(measured, used / Math.max(1, clock.mono() - from));
      if (measured >= possible / 10) break;
    }
    const detail = `${measured.toFixed(2)} of ${asked.toFixed(2)} CPUs asked for`;
    return { yes: measured >= possible / 10, detail };
  },
  async recover(on, _undo, context) {
    await endLoad(on.cgroup, context);
  },
  async verify(on, _undo, context) {
    return await loadIsGone(on.cgroup, context);
  },
});
