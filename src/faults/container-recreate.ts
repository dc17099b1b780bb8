import { createHash } from 'node:crypto';
import { z } from 'zod';
import { ZashikiError } from '../core/errors.ts';
import type { Json } from '../core/model.ts';
import type { FaultContext } from '../core/ports.ts';
import { defineFault } from './fault.ts';
import { claimLife, comesUp, endsLife, isUp, requireState, tellState } from './parts/container.ts';
import { readNote, writeNote } from './parts/notes.ts';
import { poll } from './parts/wait.ts';

/** How long a removal that is under way may take. */
const removal = 10_000;

/**
 * Removes a container, and makes it again from its blueprint: name, settings, networks, volumes. What it had written to
 * its own layer is lost, and it has a new id. The blueprint may hold secrets (environment): it is kept in a file of our
 * own, mode 0600, that is removed with the injection; the journal holds only its digest.
 */
export default defineFault({
  id: 'container-recreate',
  summary: 'Remove the container, and make and start it again when the fault ends.',
  needs: ['lifecycle'],
  params: z.strictObject({}),
  reversible: true,
  undoneBy:
    'making it again from its blueprint, with its volumes; what it wrote to its own layer is lost, its id is new',
  async plan(on, _params, context) {
    const { startedAt } = await requireState(on.lifecycle, ['running']);
    if (await on.lifecycle.vanishes()) {
      throw new ZashikiError('not-supported', 'the engine removes the volumes of this container with it (--rm)', {
        hint: 'they could not be given back: use container-remove, or run it without --rm',
      });
    }
    const blueprint = await on.lifecycle.blueprint();
    await writeNote(context, 'blueprint', blueprint);
    return { startedAt, blueprint: digest(blueprint) };
  },
  async inject(on, _params, undo, context) {
    // Read before anything is removed: without it there is no way back.
    const blueprint = await readBlueprint(undo.blueprint, context);
    if (typeof blueprint === 'string') throw new ZashikiError('inject-failed', blueprint);
    if ((await on.lifecycle.state()).status === 'gone') {
      if (await readNote(context, 'removing')) return;
      throw new ZashikiError('target-gone', 'the container was removed by somebody else');
    }
    await writeNote(context, 'removing');
    await on.lifecycle.remove({ force: true, volumes: false, links: false });
  },
  async observe(on, _params, _undo, context) {
    const gone = await poll(5000, context, async () =>
      (await on.lifecycle.state()).status === 'gone' ? true : undefined,
    );
    return { yes: gone === true, detail: gone ? 'the container is gone' : 'the container is still there' };
  },
  async recover(on, undo, context) {
    if ((await readNote(context, 'recreated')) !== undefined) return;
    const blueprint = await readBlueprint(undo.blueprint, context);
    const begun = (await readNote(context, 'removing')) !== undefined;
    // Notes can be lost: what counts then is whether the container is there.
    if (!begun && typeof blueprint !== 'string') return;
    let state = await on.lifecycle.state();
    if (begun && isUp(state) && state.startedAt === undo.startedAt) {
      // The removal may be under way. One that has not begun to end was never asked.
      state = (await endsLife(removal / 2, on.lifecycle, undo.startedAt, context)) ?? state;
    }
    if (comesUp(state)) return;
    state = (await untilGone(on.lifecycle, context)) ?? state;
    if (state.status !== 'gone' && state.status !== 'dead') return await on.lifecycle.start();
    if (typeof blueprint === 'string') {
      throw new ZashikiError('recover-failed', `the container is gone, and ${blueprint}`, {
        hint: 'make the container again by hand',
      });
    }
    if (state.status === 'dead') await on.lifecycle.remove({ force: true, volumes: false, links: false });
    await writeNote(context, 'recreated', await on.lifecycle.recreate(blueprint));
  },
  async verify(on, _undo, context) {
    const id = await readNote(context, 'recreated');
    if (id !== undefined) return { yes: true, detail: `made again as ${String(id).slice(0, 12)}` };
    const state = await on.lifecycle.state();
    if (comesUp(state)) return { yes: true, detail: 'it was never removed' };
    if (await readNote(context, 'removing'))
      return { yes: false, detail: `${tellState(state)}, and was not made again` };
    return { yes: (await readNote(context, 'blueprint')) !== undefined, detail: `${tellState(state)}, not by us` };
  },
  claims({ startedAt }) {
    return claimLife(startedAt);
  },
});

const digest = (blueprint: Json): string => createHash('sha256').update(JSON.stringify(blueprint)).digest('hex');

const untilGone = (lifecycle: Parameters<typeof endsLife>[1], context: FaultContext) =>
  poll(
    removal,
    context,
    async () => {
      const state = await lifecycle.state();
      return state.status === 'gone' || state.status === 'dead' ? state : undefined;
    },
    50,
  );

/** The kept copy, if it is the one that the undo record names; else what is wrong with it. */
async function readBlueprint(wanted: string, context: FaultContext): Promise<Json> {
  const blueprint = await readNote(context, 'blueprint');
  if (blueprint === undefined) return `its blueprint is gone from ${context.keep}`;
  if (digest(blueprint) !== wanted) return `its blueprint in ${context.keep} was changed`;
  return blueprint;
}
