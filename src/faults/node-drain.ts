import { z } from 'zod';
import type { NodePod } from '../capabilities/node.ts';
import { Duration, DurationOr } from '../core/fields.ts';
import type { JsonObject } from '../core/model.ts';
import { defineFault } from './fault.ts';
import { claimCordon, cordonMark, isCordoned, uncordoned } from './parts/cordon.ts';
import { readNote, writeNote } from './parts/notes.ts';
import { poll } from './parts/wait.ts';

/**
 * Empties a node as an administrator does before maintenance: cordon, then evict what may be evicted. Disruption budgets
 * are respected; pods of daemon sets, static pods and protected ones stay.
 */
export default defineFault({
  id: 'node-drain',
  summary: 'Cordon the node and evict its pods, as far as disruption budgets allow.',
  needs: ['node'],
  params: z.strictObject({
    grace: Duration.optional().describe('Time that each pod has to end, in whole seconds. Default: the pod’s own.'),
    retryFor: DurationOr('60s').describe('How long to ask again while disruption budgets refuse. Default 60s.'),
    unmanaged: z
      .boolean()
      .default(false)
      .describe('Also pods that nobody would make again: they are lost for good. Default false.'),
  }),
  reversible: true,
  undoneBy: 'uncordoning the node, unless it was cordoned before; evicted pods run elsewhere by then, and stay there',
  async plan(on, _params, context) {
    const { unschedulable } = await on.node.state();
    return { uid: on.node.uid, wasCordoned: unschedulable, mark: cordonMark(context) };
  },
  async inject(on, { grace = null, retryFor, unmanaged }, { mark }, context) {
    await on.node.cordon(mark);
    const evicted = new Map<string, string>();
    let refused = new Map<string, string>();
    const note = () =>
      writeNote(context, 'drained', { evicted: [...evicted.values()], refused: Object.fromEntries(refused) });
    await note();
    await poll(
      retryFor,
      context,
      async () => {
        refused = new Map();
        for (const pod of (await on.node.pods()).filter((each) => goes(each, unmanaged) && !evicted.has(each.uid))) {
          context.signal.throwIfAborted();
          const answer = await on.node.evict(pod, grace);
          if (answer === 'evicted') evicted.set(pod.uid, pod.name);
          else if (answer !== 'gone') refused.set(pod.name, answer.refused);
          await note();
        }
        return refused.size === 0 ? true : undefined;
      },
      1000,
    );
    await note();
  },
  async observe(on, { unmanaged }, { wasCordoned }, context) {
    const cordon = await isCordoned(on.node, wasCordoned);
    if (!cordon.yes) return cordon;
    const { evicted, refused } = await drained(context);
    // Those that were evicted have their time to end.
    let left: readonly NodePod[] = [];
    await poll(
      60_000,
      context,
      async () => {
        const pods = await on.node.pods();
        left = pods.filter((pod) => goes(pod, unmanaged) || (pod.terminating && evicted.includes(pod.name)));
        return left.every(({ name }) => name in refused) ? true : undefined;
      },
      500,
    );
    const stays = (await on.node.pods()).filter((pod) => !goes(pod, unmanaged)).length;
    const parts = [
      evicted.length > 0 ? `evicted ${evicted.join(', ')}` : 'nothing was evicted',
      ...Object.entries(refused).map(([name, words]) => `${name} refused by a PodDisruptionBudget: ${words}`),
      ...left.filter(({ name }) => !(name in refused)).map(({ name }) => `${name} is still there`),
      ...(stays > 0 ? [`${stays} stay (daemon sets, static, protected or without an owner)`] : []),
    ];
    return { yes: left.length === 0 || evicted.length > 0, detail: `${cordon.detail}; ${parts.join('; ')}` };
  },
  async recover(on, { mark }) {
    await on.node.uncordon(mark);
  },
  async verify(on, undo, context) {
    const { yes, detail } = await uncordoned(on.node, undo);
    const { evicted } = await drained(context);
    return { yes, detail: evicted.length > 0 ? `${detail}; evicted for good: ${evicted.join(', ')}` : detail };
  },
  claims: ({ uid }) => claimCordon(uid),
});

/** Whether a drain asks for its eviction. */
const goes = ({ stays, managed, terminating }: NodePod, unmanaged: boolean): boolean =>
  stays === null && !terminating && (managed || unmanaged);

async function drained(context: Parameters<typeof readNote>[0]) {
  const { evicted = [], refused = {} } = ((await readNote(context, 'drained')) ?? {}) as JsonObject;
  return { evicted: evicted as readonly string[], refused: refused as Readonly<Record<string, string>> };
}
