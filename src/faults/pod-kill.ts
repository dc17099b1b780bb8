import { z } from 'zod';
import { Duration } from '../core/fields.ts';
import { defineFault } from './fault.ts';
import { podEnds, requirePod } from './parts/pod.ts';

/** Deletes a pod by the API, disruption budgets or not. Whoever it belongs to makes another one. */
export default defineFault({
  id: 'pod-kill',
  summary: 'Delete the pod; its controller makes another one.',
  needs: ['pod'],
  params: z.strictObject({
    grace: Duration.optional().describe(
      'Time between SIGTERM and SIGKILL, in whole seconds; 0s: at once. Default: the pod’s own.',
    ),
  }),
  reversible: false,
  undoneBy: 'nothing: what owns the pod makes another one; a pod without an owner stays away',
  async plan(on, params) {
    const { grace } = await requirePod(on.pod);
    return { grace: params.grace ?? grace };
  },
  async inject(on, { grace = null }) {
    await on.pod.remove(grace);
  },
  async observe(on, _params, { grace }, context) {
    const { ended, detail } = await podEnds(on.pod, grace, context);
    return { yes: ended, detail };
  },
  async recover() {},
  async verify() {
    return { yes: true, detail: 'nothing was left behind' };
  },
});
