import type { Handles } from '../../capabilities/agent.ts';
import type { Capability } from '../../capabilities/index.ts';
import type { TargetRef } from '../../core/model.ts';
import { definePlatform } from '../platform.ts';
import { agentFor, byAgent } from './agent/capability.ts';
import { execCapability } from './capabilities/exec.ts';
import { nodeCapability } from './capabilities/node.ts';
import { podCapability } from './capabilities/pod.ts';
import { scaleCapability } from './capabilities/scale.ts';
import { clusterAt } from './client.ts';
import { discover } from './discover.ts';
import { type ObjectIdentity, objectOf } from './identity.ts';
import { lookAt, namespaceAt } from './look.ts';
import { rulesHere, sparedNamespace, sparedObject } from './protect.ts';
import { KubernetesSelector } from './selector.ts';
import type { Node, Pod, Workload } from './types.ts';

/**
 * Pods, containers, nodes and workloads of a cluster, by its API. A target is known by its uid: what has taken its name
 * is another one. Capabilities of Linux come from an agent on the pod's node.
 */
export default definePlatform({
  id: 'kubernetes',
  summary: 'Pods, nodes and workloads of a Kubernetes cluster.',
  selector: KubernetesSelector,
  capabilities: ['pod', 'exec', 'scale', 'node', ...byAgent],
  discover,
  offers: (target) => offersOf(objectOf(target)),
  async check(target) {
    const identity = objectOf(target);
    const found = await lookAt<Pod>(identity);
    if (!found) return 'gone';
    // A container that was started again is another one.
    const { container, containerId } = identity;
    if (container === undefined || containerId === undefined) return 'same';
    const { containerStatuses = [], initContainerStatuses = [] } = found.status ?? {};
    const seen = [...containerStatuses, ...initContainerStatuses].find(({ name }) => name === container);
    return seen?.containerID === containerId ? 'same' : 'gone';
  },
  async spare(target) {
    const identity = objectOf(target);
    const found = await lookAt<Pod | Node | Workload>(identity);
    if (!found) return null;
    const rules = rulesHere();
    const own = sparedObject(identity.kind, found, rules);
    if (own !== undefined || identity.kind === 'node') return own ?? null;
    const namespace = await namespaceAt(await clusterAt(identity.cluster), identity.namespace);
    return (namespace && sparedNamespace(namespace.metadata, rules, identity.optIn)) ?? null;
  },
  attach,
  async addresses(target) {
    const identity = objectOf(target);
    if (identity.kind === 'node') {
      const addresses = (await lookAt<Node>(identity))?.status?.addresses ?? [];
      return addresses.filter(({ type }) => /IP$/.test(type)).map(({ address }) => address);
    }
    if (identity.kind !== 'pod') return [];
    const { podIP, podIPs } = (await lookAt<Pod>(identity))?.status ?? {};
    return podIPs?.map(({ ip }) => ip) ?? (podIP ? [podIP] : []);
  },
});

function offersOf({ kind, container, owned, node }: ObjectIdentity): readonly Capability[] {
  if (kind === 'node') return ['node'];
  // Who has a controller would be set back by it at once.
  if (kind !== 'pod') return owned ? [] : ['scale'];
  const here = container === undefined ? (['pod', 'exec'] as const) : (['exec'] as const);
  return node === undefined ? here : [...here, ...byAgent];
}

async function attach(target: TargetRef): Promise<Handles> {
  const identity = objectOf(target);
  const client = await clusterAt(identity.cluster);
  if (identity.kind === 'node') return { node: nodeCapability(client, identity) };
  if (identity.kind !== 'pod') return identity.owned ? {} : { scale: scaleCapability(client, identity) };
  const exec = execCapability(client, identity, identity.container);
  const here = identity.container === undefined ? { pod: podCapability(client, identity), exec } : { exec };
  if (identity.node === undefined) return here;
  return { ...here, agent: agentFor(client, identity, identity.node) };
}
