import { z } from 'zod';
import { ZashikiError } from '../core/errors.ts';
import { defineFault } from './fault.ts';
import { poll } from './parts/wait.ts';

const patience = 60_000;

/**
 * Wants another number of replicas for a while. When somebody else, an autoscaler for instance, wants another number in
 * the meantime, theirs stays.
 */
export default defineFault({
  id: 'workload-scale',
  summary: 'Scale a deployment, stateful set or replica set to another number of replicas.',
  needs: ['scale'],
  params: z
    .strictObject({
      replicas: z.int().min(0).max(10_000).optional().describe('So many are wanted.'),
      by: z
        .int()
        .min(-10_000)
        .max(10_000)
        .optional()
        .describe('So many more are wanted; less with a minus, never below 0.'),
    })
    .refine(({ replicas, by }) => (replicas === undefined) !== (by === undefined), {
      message: 'write either `replicas` or `by`',
    }),
  reversible: true,
  undoneBy: 'scaling it back, unless somebody else has scaled it meanwhile',
  describe: ({ before, wanted }: { readonly before: number; readonly wanted: number }) =>
    `${before} to ${wanted} replicas`,
  async plan(on, { replicas, by = 0 }) {
    const { replicas: before } = await on.scale.state();
    const wanted = replicas ?? Math.max(0, before + by);
    if (wanted !== before) return { before, wanted };
    throw new ZashikiError('not-supported', `${before} replicas are wanted already`, {
      hint: 'write another number',
    });
  },
  async inject(on, _params, { before, wanted }) {
    if (await on.scale.set(wanted, before)) return;
    const { replicas } = await on.scale.state();
    if (replicas !== wanted) {
      throw new ZashikiError('inject-failed', `somebody else has scaled it from ${before} to ${replicas} meanwhile`);
    }
  },
  async observe(on, _params, { wanted }, context) {
    let state = await on.scale.state();
    const there = await poll(
      patience,
      context,
      async () => {
        state = await on.scale.state();
        return state.replicas !== wanted || state.now === wanted ? true : undefined;
      },
      200,
    );
    if (state.replicas !== wanted) return { yes: false, detail: `somebody else scaled it to ${state.replicas}` };
    return { yes: there === true, detail: `${state.now} of ${wanted} replicas, ${state.ready} ready` };
  },
  async recover(on, { before, wanted }) {
    // False: never done, undone already, or somebody else has decided since.
    await on.scale.set(before, wanted);
  },
  async verify(on, { before, wanted }) {
    const { replicas, ready } = await on.scale.state();
    if (replicas === before) return { yes: true, detail: `${before} replicas are wanted, ${ready} are ready` };
    if (replicas === wanted) return { yes: false, detail: `still ${wanted} replicas are wanted, not ${before}` };
    return { yes: true, detail: `somebody else has scaled it to ${replicas} since, which stays` };
  },
});
