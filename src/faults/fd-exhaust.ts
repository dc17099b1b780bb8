import { z } from 'zod';
import { ZashikiError } from '../core/errors.ts';
import { defineFault } from './fault.ts';

/**
 * Lowers the soft limit on open files of a running process, so that its next open, accept or connect fails with
 * EMFILE. The hard limit is never touched: it could not be raised again without CAP_SYS_RESOURCE.
 */
export default defineFault({
  id: 'fd-exhaust',
  summary: 'Let the process run out of file descriptors.',
  needs: ['limits'],
  params: z.strictObject({
    leave: z.int().min(0).default(0).describe('How many more descriptors it may still open. Default 0.'),
  }),
  reversible: true,
  undoneBy: 'setting the soft limit on open files back; children started meanwhile inherit the fault and keep it',
  async plan(on, params) {
    const { soft } = await on.limits.read('nofile');
    const set = limitFor(await on.limits.descriptors(), params.leave);
    if (soft !== -1 && set >= soft) {
      throw new ZashikiError('not-supported', `the target may open fewer than ${params.leave + 1} more files already`, {
        hint: `give a smaller leave; its soft limit is ${soft}`,
      });
    }
    return { soft, set };
  },
  async inject(on, _params, undo) {
    const { soft } = await on.limits.read('nofile');
    if (soft !== undo.set) await on.limits.setSoft('nofile', undo.set);
  },
  async observe(on, _params, undo) {
    const { soft, hard } = await on.limits.read('nofile');
    const numbers = await on.limits.descriptors();
    const free = soft - numbers.filter((number) => number < soft).length;
    const detail = `soft limit ${soft} (hard ${hard}), ${numbers.length} open, ${Math.max(0, free)} more possible`;
    return { yes: soft === undo.set, detail };
  },
  async recover(on, undo) {
    const { soft } = await on.limits.read('nofile');
    // Anything else was set by somebody else, or never by us.
    if (soft === undo.set) await on.limits.setSoft('nofile', undo.soft);
  },
  async verify(on, undo) {
    const { soft } = await on.limits.read('nofile');
    if (soft === undo.soft) return { yes: true, detail: `soft limit ${soft}, as before` };
    if (soft === undo.set) return { yes: false, detail: `soft limit is still ${soft}, it was ${undo.soft}` };
    return { yes: true, detail: `soft limit is ${soft}: somebody else changed it meanwhile, so it was left` };
  },
});

/** The least limit under which exactly `leave` numbers are free: the limit bounds the number, not the count. */
export function limitFor(open: readonly number[], leave: number): number {
  const taken = new Set(open);
  let limit = 0;
  for (let free = 0; ; limit++) {
    if (taken.has(limit)) continue;
    if (free === leave) return limit;
    free++;
  }
}
