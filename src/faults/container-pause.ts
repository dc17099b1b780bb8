import { z } from 'zod';
import { defineFault } from './fault.ts';
import { claimLife, goneContainer, requireState, tellState } from './parts/container.ts';
import { poll } from './parts/wait.ts';

/** Freezes all processes of a container by its cgroup, and lets them go on. */
export default defineFault({
  id: 'container-pause',
  summary: 'Freeze all processes of the container.',
  needs: ['lifecycle'],
  params: z.strictObject({}),
  reversible: true,
  undoneBy: 'letting it go on, unless it was paused before',
  async plan(on) {
    const { status, startedAt } = await requireState(on.lifecycle, ['running', 'paused']);
    return { startedAt, wasPaused: status === 'paused' };
  },
  async inject(on) {
    await on.lifecycle.pause();
  },
  async observe(on, _params, _undo, context) {
    const state = await poll(2000, context, async () => {
      const state = await on.lifecycle.state();
      return state.status === 'running' ? undefined : state;
    });
    return { yes: state?.status === 'paused', detail: state ? tellState(state) : 'still runs' };
  },
  async recover(on, { startedAt, wasPaused }) {
    const state = await on.lifecycle.state();
    if (state.status === 'gone') throw goneContainer();
    // Who has started it anew and paused it again is not us.
    if (state.status === 'paused' && !wasPaused && state.startedAt === startedAt) await on.lifecycle.unpause();
  },
  async verify(on, { startedAt, wasPaused }) {
    const state = await on.lifecycle.state();
    if (state.status !== 'paused' || state.startedAt !== startedAt) return { yes: true, detail: tellState(state) };
    return { yes: wasPaused, detail: wasPaused ? 'paused, as before' : 'still paused' };
  },
  claims({ startedAt }) {
    return claimLife(startedAt);
  },
});
