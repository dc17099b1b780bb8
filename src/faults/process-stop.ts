import { z } from 'zod';
import { DurationOr } from '../core/fields.ts';
import { defineFault } from './fault.ts';
import { endProcess } from './parts/ending.ts';
import { readNote, writeNote } from './parts/notes.ts';
import { endsWithin } from './parts/signals.ts';

/** Ends a process the polite way: SIGTERM, time to finish, and SIGKILL if it is still there. */
export default defineFault({
  id: 'process-stop',
  summary: 'End the process with SIGTERM, and with SIGKILL if it is still alive after a grace period.',
  needs: ['signal'],
  params: z.strictObject({
    grace: DurationOr('10s').describe('Time between SIGTERM and SIGKILL. Default 10s.'),
  }),
  reversible: false,
  undoneBy: 'nothing: what ended stays ended, unless its supervisor starts it again',
  async plan() {
    return {};
  },
  async inject(on, params, _undo, context) {
    await writeNote(context, 'ended-by', await endProcess(on.signal, 'SIGTERM', params.grace, context));
  },
  async observe(on, _params, _undo, context) {
    const by = String((await readNote(context, 'ended-by')) ?? 'a signal');
    if (await endsWithin(2000, on.signal, context)) return { yes: true, detail: `ended by ${by}` };
    return { yes: false, detail: `still alive after ${by}` };
  },
  async recover() {},
  async verify() {
    return { yes: true, detail: 'there is nothing to undo' };
  },
});
