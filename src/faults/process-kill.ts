import { z } from 'zod';
import { DurationOr } from '../core/fields.ts';
import { defineFault } from './fault.ts';
import { endsWithin, intentOf, isOver, Signal } from './parts/signals.ts';
import { poll } from './parts/wait.ts';

/** Sends one signal, SIGKILL unless told otherwise, and looks whether the process ended. */
export default defineFault({
  id: 'process-kill',
  summary: 'Send a signal to the process; SIGKILL ends it at once.',
  needs: ['signal'],
  params: z.strictObject({
    signal: Signal.prefault('SIGKILL').describe(
      'POSIX signal by name or number, e.g. SIGTERM, HUP, 9. Default SIGKILL. SIGSTOP is not undone: use process-pause.',
    ),
    within: DurationOr('2s').describe(
      'How long to wait for the process to end before saying that it lives on. Default 2s.',
    ),
  }),
  reversible: false,
  undoneBy: 'nothing: what ended stays ended, unless its supervisor starts it again',
  async plan() {
    return {};
  },
  async inject(on, params) {
    await on.signal.send(params.signal);
  },
  async observe(on, params, _undo, context) {
    const intent = intentOf(params.signal);
    if (intent === 'stop') {
      const state = await poll(params.within, context, async () => {
        const state = await on.signal.state();
        return state === 'stopped' || isOver(state) ? state : undefined;
      });
      if (state === 'stopped') return { yes: true, detail: `stopped by ${params.signal}, and stays so` };
      return { yes: false, detail: state ? 'the process ended' : `still runs after ${params.signal}` };
    }
    // A process that may well live on is not waited for: what counts is that the signal was sent.
    if (await endsWithin(intent === 'end' ? params.within : Math.min(params.within, 100), on.signal, context)) {
      return { yes: true, detail: `ended by ${params.signal}` };
    }
    const alive = `still alive after ${params.signal}`;
    return intent === 'any' ? { yes: true, detail: `${alive}, which it may handle` } : { yes: false, detail: alive };
  },
  async recover() {},
  async verify() {
    return { yes: true, detail: 'there is nothing to undo' };
  },
});
