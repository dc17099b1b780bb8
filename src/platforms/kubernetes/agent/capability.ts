import type { AgentCapability } from '../../../capabilities/agent.ts';
import type { Capability } from '../../../capabilities/index.ts';
import { agentCapability } from '../../../remote/index.ts';
import { nodeContainerOffers } from '../../node-container/offers.ts';
import type { Client } from '../client.ts';
import type { ObjectIdentity } from '../identity.ts';
import { lookAt } from '../look.ts';
import type { Pod } from '../types.ts';
import { usualImage } from './pod-spec.ts';
import { agentThere } from './start.ts';
import { agentTransport } from './transport.ts';

/** What an agent on its node can do with a container of a pod. */
export const byAgent: readonly Capability[] = nodeContainerOffers;

/**
 * Faults on a pod that are carried out on its node. Nothing is asked or started before a fault is planned; it is also
 * had for a pod that is gone, because what was done on the node has to be undone there.
 */
export function agentFor(client: Client, identity: ObjectIdentity, node: string): AgentCapability {
  const { uid, agent } = identity;
  const wanted = { node, ...agent };
  const of = (id?: string) =>
    agentCapability(agentTransport(client, wanted), {
      name: `node ${node}`,
      target: { platform: 'node-container', selector: { pod: uid, ...(id ? { id } : {}) } },
      offers: byAgent,
    });
  // Which container it is matters when it is planned; afterwards the undo record says.
  const here = async () => {
    const pod = await lookAt<Pod>(identity);
    return of(pod && containerIdOf(pod, identity.container));
  };
  return {
    ...of(),
    plan: async (order, context) => (await here()).plan(order, context),
    // A dry run starts nothing.
    async foresee(order, context) {
      if (await agentThere(client, wanted, context.signal)) return (await here()).foresee(order, context);
      return `by an agent that is started on the node ${node} (${wanted.image ?? usualImage()})`;
    },
  };
}

/** The one that is named, else the one that kubectl takes: by its annotation, or the first. */
function containerIdOf({ metadata, spec, status }: Pod, name: string | undefined): string | undefined {
  const usual = metadata.annotations?.['kubectl.kubernetes.io/default-container'] ?? spec.containers[0]?.name;
  const all = [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])];
  return all.find((each) => each.name === (name ?? usual))?.containerID || undefined;
}
