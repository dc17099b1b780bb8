import type { NodeCapability, NodePod } from '../../../capabilities/node.ts';
import type { Client } from '../client.ts';
import { collectionOf, type ObjectIdentity, pathOf, told } from '../identity.ts';
import { namespaceAt, readNow } from '../look.ts';
import { ofDaemonSet, rulesHere, sparedNamespace, sparedObject } from '../protect.ts';
import { goneObject, isConflict } from '../refusal.ts';
import type { Node, Pod } from '../types.ts';
import { evictPod } from './evict.ts';
import { isReplaced, refused } from './refused.ts';

const markKey = 'zashiki.dev/cordoned-by';
const tries = 20;

/** One node by its uid. */
export function nodeCapability(client: Client, identity: ObjectIdentity): NodeCapability {
  const { uid, name, cluster } = identity;
  const mustRead = async (): Promise<Node> => {
    const node = await readNow<Node>(client, identity);
    if (!node) throw goneObject(told(identity));
    return node;
  };
  /** Change it as long as `fits` says so of what is there; others change nodes all the time. */
  const change = async (fits: (node: Node) => boolean, mark: string | null, unschedulable: true | null) => {
    for (let attempt = 1; ; attempt++) {
      const node = await mustRead();
      if (!fits(node)) return;
      const { resourceVersion } = node.metadata;
      const body = { metadata: { uid, resourceVersion, annotations: { [markKey]: mark } }, spec: { unschedulable } };
      try {
        const type = 'application/merge-patch+json';
        await client.call({ ...pathOf(identity), method: 'PATCH', verb: 'patch', type, body });
        return;
      } catch (error) {
        if (!isConflict(error) || isReplaced(error) || attempt === tries) throw refused(error, identity, 'cordon');
      }
    }
  };
  return {
    uid,
    async state() {
      const { metadata, spec } = await mustRead();
      return { unschedulable: spec?.unschedulable === true, cordonedBy: metadata.annotations?.[markKey] ?? null };
    },
    cordon: (mark) => change(({ spec }) => spec?.unschedulable !== true, mark, true),
    uncordon: (mark) => change(({ metadata }) => metadata.annotations?.[markKey] === mark, null, null),
    async pods() {
      await mustRead();
      const { path, resource } = collectionOf('pod');
      const found = await client.list<Pod>({ path, resource, query: { fieldSelector: `spec.nodeName=${name}` } });
      // One that is being deleted counts till it is gone, also when its containers have ended.
      const living = found.filter(
        ({ metadata, status }) =>
          metadata.deletionTimestamp !== undefined || (status?.phase !== 'Succeeded' && status?.phase !== 'Failed'),
      );
      return Promise.all(living.map((pod) => nodePod(client, pod)));
    },
    async evict(pod, grace) {
      const [namespace = '', ...rest] = pod.name.split('/');
      return evictPod(client, { cluster, kind: 'pod', namespace, name: rest.join('/'), uid: pod.uid }, grace);
    },
  };
}

async function nodePod(client: Client, pod: Pod): Promise<NodePod> {
  const { metadata } = pod;
  const { namespace = '', name, uid } = metadata;
  return {
    name: `${namespace}/${name}`,
    uid,
    stays: ofDaemonSet(pod) ? 'of a DaemonSet' : await sparedPod(client, pod, namespace),
    managed: metadata.ownerReferences?.some(({ controller }) => controller) === true,
    terminating: metadata.deletionTimestamp !== undefined,
  };
}

async function sparedPod(client: Client, pod: Pod, namespace: string): Promise<string | null> {
  const rules = rulesHere();
  const own = sparedObject('pod', pod, rules);
  if (own !== undefined) return own;
  const found = await namespaceAt(client, namespace);
  return (found && sparedNamespace(found.metadata, rules)) ?? null;
}
