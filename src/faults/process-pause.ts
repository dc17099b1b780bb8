import { z } from 'zod';
import { isError } from '../core/errors.ts';
import { defineFault } from './fault.ts';

/** Freezes one process with SIGSTOP and lets it go on with SIGCONT. */
export default defineFault({
  id: 'process-pause',
  summary: 'Freeze the process with SIGSTOP; SIGCONT lets it go on.',
  needs: ['signal'],
  params: z.strictObject({}),
  reversible: true,
  undoneBy: 'SIGCONT',
  async plan(on) {
    return { wasStopped: (await on.signal.state()) === 'stopped' };
  },
  async inject(on) {
    await on.signal.send('SIGSTOP');
  },
  async observe(on, _params, _undo, { clock, signal }) {
    for (let tries = 0; tries < 50; tries++) {
      const state = await on.signal.state();
      if (state === 'stopped') return { yes: true, detail: 'state T (stopped)' };
      if (state === 'gone' || state === 'zombie') return { yes: false, detail: 'the process ended' };
      await clock.sleep(20, signal);
    }
    return { yes: false, detail: 'still runs after SIGSTOP' };
  },
  async recover(on, undo) {
    if (undo.wasStopped) return;
    try {
      await on.signal.send('SIGCONT');
    } catch (error) {
      // Who may not send SIGCONT could not send SIGSTOP either: where nothing stands still, nothing is left to undo.
      if (!isError(error, 'permission-missing') || (await on.signal.state()) === 'stopped') throw error;
    }
  },
  async verify(on, undo, { clock, signal }) {
    try {
      for (let tries = 0; tries < 50; tries++) {
        const state = await on.signal.state();
        if ((state === 'stopped') === undo.wasStopped) return { yes: true, detail: `state ${state}` };
        if (state === 'gone' || state === 'zombie') return { yes: true, detail: 'the process ended' };
        await clock.sleep(20, signal);
      }
    } catch (error) {
      if (!isError(error, 'target-gone')) throw error;
      return { yes: true, detail: 'the process ended' };
    }
    return { yes: false, detail: 'still stopped after SIGCONT' };
  },
});
