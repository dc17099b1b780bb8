import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { ProcessImage } from '../capabilities/respawn.ts';
import { isError, ZashikiError } from '../core/errors.ts';
import { DurationOr } from '../core/fields.ts';
import type { Json } from '../core/model.ts';
import type { FaultContext } from '../core/ports.ts';
import { defineFault } from './fault.ts';
import { endProcess } from './parts/ending.ts';
import { dropNote, readNote, writeNote } from './parts/notes.ts';
import { endsWithin, isOver, Signal } from './parts/signals.ts';

/**
 * Ends a process and starts the same program again: arguments, environment, folder, user; a systemd unit is restarted
 * by systemd. How it was started (its environment, secrets included) is kept in a file of our own, mode 0600, that is
 * removed with the injection; the journal holds only its digest. For a process that a supervisor of its own brings
 * back, use process-kill: this one would start a second copy.
 */
export default defineFault({
  id: 'process-restart',
  summary: 'End the process and start the same program again, or restart its systemd unit.',
  needs: ['signal', 'respawn'],
  params: z.strictObject({
    signal: Signal.prefault('SIGTERM').describe('Signal that ends it. Default SIGTERM.'),
    grace: DurationOr('10s').describe('Time before SIGKILL follows, if it is still alive. Default 10s.'),
    wait: DurationOr('0s').describe('How long it is left down before it is started again. Default 0s.'),
  }),
  reversible: true,
  undoneBy: 'starting the same program again, unless that has been done',
  async plan(on, params, context) {
    const image = await on.respawn.image();
    await writeNote(context, 'image', image);
    return { image: digest(image), grace: params.grace };
  },
  async inject(on, params, undo, context) {
    if (await readNote(context, 'started')) return;
    // Read before anything ends: without it there is no way back.
    const image = await readImage(undo.image, context);
    if (typeof image === 'string') throw new ZashikiError('inject-failed', image);
    const resumed = (await readNote(context, 'ending')) !== undefined;
    if (!resumed || !isOver(await on.signal.state())) {
      // From here on, recover sees to it that the program runs.
      await dropNote(context, 'not-by-us');
      await writeNote(context, 'ending');
      try {
        await endProcess(on.signal, params.signal, params.grace, context);
      } catch (error) {
        if (isError(error, 'permission-missing') || (isError(error, 'target-gone') && !resumed)) {
          await dropNote(context, 'ending');
          await writeNote(context, 'not-by-us');
        }
        if (!isError(error, 'target-gone') || !resumed) throw error;
      }
    }
    await context.clock.sleep(params.wait, context.signal);
    await writeNote(context, 'started', await on.respawn.start(image, context.tag));
  },
  async observe(on, _params, _undo, context) {
    if (!isOver(await on.signal.state())) return { yes: false, detail: 'the process never ended' };
    const pid = await on.respawn.find(context.tag);
    if (pid === null) return { yes: false, detail: 'it ended, and what was started in its place is gone too' };
    return { yes: true, detail: `ended, and runs again as pid ${pid}` };
  },
  async recover(on, undo, context) {
    if ((await readNote(context, 'started')) !== undefined) return;
    const image = await readImage(undo.image, context);
    const begun = (await readNote(context, 'ending')) !== undefined;
    if (await readNote(context, 'not-by-us')) return;
    if (typeof image === 'string' || !begun) {
      // Notes can be lost: what counts is whether the program runs.
      const runs = !isOver(await on.signal.state()) || (await on.respawn.find(context.tag)) !== null;
      if (runs) return;
    }
    if (typeof image === 'string') {
      throw new ZashikiError('recover-failed', `the process has ended, and ${image}`, {
        hint: 'start the program by hand',
      });
    }
    // The signal may be under way. A process that outlives its grace was never asked, or does not mind.
    if (!(await endsWithin(undo.grace, on.signal, context))) return;
    await writeNote(context, 'started', await on.respawn.start(image, context.tag));
  },
  async verify(on, _undo, context) {
    if (await readNote(context, 'not-by-us')) return { yes: true, detail: 'it was not ended by us' };
    const pid = await on.respawn.find(context.tag);
    if (pid !== null) return { yes: true, detail: `runs as pid ${pid}` };
    if (!isOver(await on.signal.state())) return { yes: true, detail: 'it was never ended' };
    return { yes: false, detail: 'it has ended, and nothing runs in its place' };
  },
});

const digest = (image: Json): string => createHash('sha256').update(JSON.stringify(image)).digest('hex');

/** The kept copy, if it is the one that the undo record names; else what is wrong with it. */
async function readImage(wanted: string, context: FaultContext): Promise<ProcessImage | string> {
  const image = await readNote(context, 'image');
  if (image === undefined) return `the copy of how it was started is gone from ${context.keep}`;
  if (digest(image) !== wanted) return `the copy of how it was started in ${context.keep} was changed`;
  return image as ProcessImage;
}
