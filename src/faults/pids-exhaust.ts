import { z } from 'zod';
import { ZashikiError } from '../core/errors.ts';
import { defineFault } from './fault.ts';

/**
 * Lowers the bound on tasks (processes and threads) of the target's own cgroup to what it has now, so that its next fork
 * or thread fails with EAGAIN. No process is made, so nothing can run away. What is started in
 * a container from outside meanwhile (`docker exec`, health checks) cannot start anything itself, if it starts at all.
 */
export default defineFault({
  id: 'pids-exhaust',
  summary: 'Let the target run out of processes and threads.',
  needs: ['bounds'],
  params: z.strictObject({
    leave: z.int().min(0).default(0).describe('How many more tasks it may still start. Default 0.'),
  }),
  reversible: true,
  undoneBy: 'setting pids.max of its cgroup back',
  async plan(on, { leave }) {
    const cgroup = await on.bounds.locate('pids');
    const { now, max } = await on.bounds.tasks(cgroup);
    const set = Math.max(1, now + leave);
    if (max !== -1 && set >= max) {
      throw new ZashikiError('not-supported', `the target may start fewer than ${leave + 1} more tasks already`, {
        hint: `give a smaller leave; it has ${now} of ${max}`,
      });
    }
    return { cgroup, max, set };
  },
  async inject(on, _params, { cgroup, set }) {
    const { max } = await on.bounds.tasks(cgroup);
    if (max !== set) await on.bounds.setTasks(cgroup, set);
  },
  async observe(on, _params, { cgroup, set }) {
    const { now, max, refused } = await on.bounds.tasks(cgroup);
    const detail = `bound ${tell(max)}, ${now} tasks, ${Math.max(0, max - now)} more possible; ${refused} refused so far`;
    return { yes: max === set, detail };
  },
  async recover(on, { cgroup, max, set }) {
    // Anything else was set by somebody else, or never by us.
    if ((await on.bounds.tasks(cgroup)).max === set) await on.bounds.setTasks(cgroup, max);
  },
  async verify(on, { cgroup, max, set }) {
    const now = (await on.bounds.tasks(cgroup)).max;
    if (now === max) return { yes: true, detail: `bound ${tell(max)}, as before` };
    if (now === set) return { yes: false, detail: `the bound is still ${tell(set)}, it was ${tell(max)}` };
    return { yes: true, detail: `the bound is ${tell(now)}: somebody else changed it meanwhile, so it was left` };
  },
  claims({ cgroup }) {
    return [`tasks of ${cgroup.folder}`];
  },
});

const tell = (max: number) => (max === -1 ? 'none' : String(max));
