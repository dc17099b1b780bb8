import { z } from 'zod';
import { formatDuration } from '../core/duration.ts';
import { DurationOr } from '../core/fields.ts';
import { defineFault } from './fault.ts';
import { endsLife, requireState, tellEnd } from './parts/container.ts';
import { ContainerSignal } from './parts/signals.ts';

/** Stops a container the polite way, and leaves it stopped. */
export default defineFault({
  id: 'container-stop',
  summary: 'Stop the container: its stop signal, then SIGKILL after a grace period. It stays stopped.',
  needs: ['lifecycle'],
  params: z.strictObject({
    grace: DurationOr('10s').describe('Time between the stop signal and SIGKILL. Default 10s.'),
    signal: ContainerSignal.optional().describe(
      'The stop signal. Default: the label com.gaiaadm.pumba.stop-signal, else what the container was made with, else SIGTERM.',
    ),
  }),
  reversible: false,
  undoneBy: 'nothing: it stays stopped; container-restart starts it again',
  async plan(on) {
    const { startedAt } = await requireState(on.lifecycle, ['running', 'paused']);
    return { startedAt };
  },
  async inject(on, { grace, signal }) {
    await on.lifecycle.stop({ grace, signal });
  },
  async observe(on, { grace }, { startedAt }, context) {
    const ended = await endsLife(5000, on.lifecycle, startedAt, context);
    if (ended) return { yes: true, detail: `stopped, ${tellEnd(ended, startedAt)}` };
    return { yes: false, detail: `still runs after a stop with ${formatDuration(grace)} of grace` };
  },
  async recover() {},
  async verify() {
    return { yes: true, detail: 'there is nothing to undo' };
  },
});
