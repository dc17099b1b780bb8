import { z } from 'zod';
import { defineFault } from './fault.ts';
import { comesUp, goneContainer, isUp, requireState, tellEnd, tellState } from './parts/container.ts';

/** Starts a container that does not run: one that has ended, or was never started. It goes on running. */
export default defineFault({
  id: 'container-start',
  summary: 'Start a container that does not run. It goes on running.',
  needs: ['lifecycle'],
  params: z.strictObject({}),
  reversible: false,
  undoneBy: 'nothing: it goes on running; container-stop stops it again',
  async plan(on) {
    const { startedAt } = await requireState(on.lifecycle, ['exited', 'created']);
    return { startedAt };
  },
  async inject(on, _params, { startedAt }) {
    const state = await on.lifecycle.state();
    if (state.status === 'gone') throw goneContainer();
    // Once is enough: what has ended again since is left as it is.
    if (comesUp(state) || state.startedAt !== startedAt) return;
    await on.lifecycle.start();
  },
  async observe(on, _params, { startedAt }) {
    const state = await on.lifecycle.state();
    if (state.status === 'gone') return { yes: false, detail: tellState(state) };
    if (state.startedAt === startedAt) return { yes: false, detail: `${tellState(state)}, and was not started` };
    return { yes: true, detail: isUp(state) ? 'runs' : `was started, and has ended: ${tellEnd(state, startedAt)}` };
  },
  async recover() {},
  async verify() {
    return { yes: true, detail: 'there is nothing to undo' };
  },
});
