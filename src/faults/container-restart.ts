import { z } from 'zod';
import { ZashikiError } from '../core/errors.ts';
import { DurationOr } from '../core/fields.ts';
import { defineFault } from './fault.ts';
import {
  claimLife,
  comesUp,
  endsLife,
  goneContainer,
  isUp,
  requireState,
  tellEnd,
  tellState,
} from './parts/container.ts';
import { readNote, writeNote } from './parts/notes.ts';

/** How much longer than its grace a stop that is under way may take. */
const spare = 3000;

/**
 * Stops a container, leaves it down for the duration, and starts the same container again. It is left alone when
 * somebody else, or its restart policy, has brought it up meanwhile, and when it had ended before we came.
 */
export default defineFault({
  id: 'container-restart',
  summary: 'Stop the container, and start it again when the fault ends.',
  needs: ['lifecycle'],
  params: z.strictObject({
    grace: DurationOr('10s').describe('Time between its stop signal and SIGKILL. Default 10s.'),
  }),
  reversible: true,
  undoneBy: 'starting the same container again, unless somebody has done so',
  async plan(on, { grace }, context) {
    const { startedAt } = await requireState(on.lifecycle, ['running']);
    if (await on.lifecycle.vanishes()) {
      throw new ZashikiError('not-supported', 'the engine removes this container as soon as it stops (--rm)', {
        hint: 'it could not be started again: use container-kill or container-stop, or run it without --rm',
      });
    }
    await writeNote(context, 'planned');
    return { startedAt, grace };
  },
  async inject(on, _params, { startedAt, grace }, context) {
    const state = await on.lifecycle.state();
    if (state.status === 'gone') throw goneContainer();
    if ((await readNote(context, 'stopping')) === undefined) {
      if (!isUp(state) || state.startedAt !== startedAt) {
        throw new ZashikiError('target-gone', `${tellState(state)}, or was started anew, since the plan was made`);
      }
      // From here on, recover sees to it that it runs.
      await writeNote(context, 'stopping');
    }
    if (!comesUp(state) || state.startedAt !== startedAt) return;
    await on.lifecycle.stop({ grace });
    await writeNote(context, 'stopped');
  },
  async observe(on, _params, { startedAt }, context) {
    const ended = await endsLife(5000, on.lifecycle, startedAt, context);
    if (!ended) return { yes: false, detail: 'still runs' };
    return { yes: !isUp(ended), detail: `stopped, ${tellEnd(ended, startedAt)}` };
  },
  async recover(on, { startedAt, grace }, context) {
    let state = await on.lifecycle.state();
    if (state.status === 'gone') throw goneContainer();
    const known = (await readNote(context, 'planned')) !== undefined;
    const begun = (await readNote(context, 'stopping')) !== undefined;
    // Notes can be lost: what counts then is whether it runs.
    if (known && !begun) return;
    if ((await readNote(context, 'stopped')) === undefined && isUp(state) && state.startedAt === startedAt) {
      // A stop may be under way. A container that outlives its grace was never asked.
      state = (await endsLife(grace + spare, on.lifecycle, startedAt, context)) ?? state;
    }
    if (state.status === 'gone') throw goneContainer();
    if (!comesUp(state)) await on.lifecycle.start();
  },
  async verify(on, { startedAt }, context) {
    const state = await on.lifecycle.state();
    if (state.status === 'gone') return { yes: true, detail: tellState(state) };
    if (comesUp(state)) {
      return { yes: true, detail: state.startedAt === startedAt ? 'runs, and was never stopped' : 'runs again' };
    }
    const planned = (await readNote(context, 'planned')) !== undefined;
    const ours = (await readNote(context, 'stopping')) !== undefined || !planned;
    return { yes: !ours, detail: ours ? `${tellState(state)}, and does not run` : `${tellState(state)}, not by us` };
  },
  claims({ startedAt }) {
    return claimLife(startedAt);
  },
});
