import { z } from 'zod';
import { ZashikiError } from '../core/errors.ts';
import { Duration, DurationOr } from '../core/fields.ts';
import { defineFault } from './fault.ts';
import { podEnds, requirePod } from './parts/pod.ts';
import { poll } from './parts/wait.ts';

/**
 * Evicts a pod as an administrator who drains a node does: a disruption budget may refuse, and that is then the answer.
 */
export default defineFault({
  id: 'pod-evict',
  summary: 'Evict the pod, as far as its disruption budget allows.',
  needs: ['pod'],
  params: z.strictObject({
    grace: Duration.optional().describe('Time between SIGTERM and SIGKILL, in whole seconds. Default: the pod’s own.'),
    retryFor: DurationOr('0s').describe('How long to ask again while a disruption budget refuses. Default 0s: once.'),
  }),
  reversible: false,
  undoneBy: 'nothing: what owns the pod makes another one; a pod without an owner stays away',
  async plan(on, params) {
    const { grace } = await requirePod(on.pod);
    return { grace: params.grace ?? grace };
  },
  async inject(on, { grace = null, retryFor }, _undo, context) {
    let words = '';
    const done = await poll(
      retryFor,
      context,
      async () => {
        const answer = await on.pod.evict(grace);
        if (typeof answer === 'string') return true;
        words = answer.refused;
        return undefined;
      },
      1000,
    );
    if (done) return;
    throw new ZashikiError('inject-failed', `refused by a PodDisruptionBudget: ${words}`, {
      hint: 'it works as it should; pod-kill asks no budget, and `retryFor` waits for it',
    });
  },
  async observe(on, _params, { grace }, context) {
    const { ended, detail } = await podEnds(on.pod, grace, context);
    return { yes: ended, detail: ended ? `evicted: ${detail}` : detail };
  },
  async recover() {},
  async verify() {
    return { yes: true, detail: 'nothing was left behind' };
  },
});
