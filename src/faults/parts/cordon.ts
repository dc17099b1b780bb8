import type { NodeCapability } from '../../capabilities/node.ts';
import type { FaultContext, Sighting } from '../../core/ports.ts';

/** What we leave on a node that we have cordoned, so that only we uncordon it. */
export const cordonMark = ({ owner, tag }: Pick<FaultContext, 'owner' | 'tag'>): string => `${owner}/${tag}`;

/** Cordon and drain of one node must not be mixed. */
export const claimCordon = (uid: string): readonly string[] => [`schedulability of the node ${uid}`];

/** Whether it is cordoned now. */
export async function isCordoned(node: NodeCapability, wasCordoned: boolean): Promise<Sighting> {
  const { unschedulable } = await node.state();
  if (!unschedulable) return { yes: false, detail: 'new pods may be scheduled on it' };
  return { yes: true, detail: wasCordoned ? 'cordoned, as before' : 'cordoned' };
}

/** Whether nothing of our cordon is left. */
export async function uncordoned(
  node: NodeCapability,
  { mark, wasCordoned }: { readonly mark: string; readonly wasCordoned: boolean },
): Promise<Sighting> {
  const { unschedulable, cordonedBy } = await node.state();
  if (cordonedBy === mark) return { yes: false, detail: 'still cordoned by us' };
  if (!unschedulable) return { yes: true, detail: 'new pods may be scheduled on it' };
  return { yes: true, detail: wasCordoned ? 'cordoned, as before' : 'cordoned, but by somebody else' };
}
