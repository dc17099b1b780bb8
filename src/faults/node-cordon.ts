import { z } from 'zod';
import { defineFault } from './fault.ts';
import { claimCordon, cordonMark, isCordoned, uncordoned } from './parts/cordon.ts';

/** Lets no new pods on a node. One that was cordoned before stays so. */
export default defineFault({
  id: 'node-cordon',
  summary: 'Cordon the node: no new pods on it.',
  needs: ['node'],
  params: z.strictObject({}),
  reversible: true,
  undoneBy: 'uncordoning it, unless it was cordoned before',
  async plan(on, _params, context) {
    const { unschedulable } = await on.node.state();
    return { uid: on.node.uid, wasCordoned: unschedulable, mark: cordonMark(context) };
  },
  async inject(on, _params, { mark }) {
    await on.node.cordon(mark);
  },
  async observe(on, _params, { wasCordoned }) {
    return isCordoned(on.node, wasCordoned);
  },
  async recover(on, { mark }) {
    await on.node.uncordon(mark);
  },
  async verify(on, undo) {
    return uncordoned(on.node, undo);
  },
  claims: ({ uid }) => claimCordon(uid),
});
