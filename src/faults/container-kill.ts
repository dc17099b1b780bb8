import { z } from 'zod';
import { DurationOr } from '../core/fields.ts';
import { defineFault } from './fault.ts';
import { endsLife, requireState, tellEnd } from './parts/container.ts';
import { ContainerSignal, intentOf } from './parts/signals.ts';

/**
 * Sends a signal to the main process of a container through its runtime, SIGKILL unless told otherwise. The runtime
 * takes that for a wish: Docker brings nothing back that was killed by its API, whatever the restart policy. To see the
 * policy at work, use process-kill.
 */
export default defineFault({
  id: 'container-kill',
  summary: 'Send a signal to the main process of the container; SIGKILL ends it at once.',
  needs: ['lifecycle'],
  params: z.strictObject({
    signal: ContainerSignal.prefault('SIGKILL').describe(
      'Signal by name or number, e.g. SIGTERM, HUP, 9, SIGRTMIN+3. Default SIGKILL. SIGSTOP is not undone: use container-pause.',
    ),
    within: DurationOr('5s').describe(
      'How long to wait for the container to end before saying that it lives on. Default 5s.',
    ),
  }),
  reversible: false,
  undoneBy:
    'nothing: what ended stays ended; Docker does not apply a restart policy to what was killed through its API',
  async plan(on) {
    const { startedAt } = await requireState(on.lifecycle, ['running', 'paused']);
    return { startedAt };
  },
  async inject(on, params) {
    await on.lifecycle.kill(params.signal);
  },
  async observe(on, { signal, within }, { startedAt }, context) {
    const intent = intentOf(signal);
    // One that may well live on is not waited for: what counts is that the signal was sent.
    const ended = await endsLife(intent === 'end' ? within : Math.min(within, 200), on.lifecycle, startedAt, context);
    if (ended) return { yes: true, detail: `ended by ${signal}, ${tellEnd(ended, startedAt)}` };
    if (intent === 'any') return { yes: true, detail: `still runs after ${signal}, which it may handle` };
    if (intent === 'stop') return { yes: true, detail: `${signal} was sent; SIGCONT lets it go on` };
    // The first process of a pid namespace gets no signal that it does not handle, but SIGKILL and SIGSTOP.
    return {
      yes: false,
      detail: `still runs after ${signal}: a main process gets no signal that it has no handler for`,
    };
  },
  async recover() {},
  async verify() {
    return { yes: true, detail: 'there is nothing to undo' };
  },
});
