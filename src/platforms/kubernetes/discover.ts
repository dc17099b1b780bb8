import { ZashikiError } from '../../core/errors.ts';
import type { Target } from '../../core/model.ts';
import { type Client, clusterFor } from './client.ts';
import { collectionOf, type ObjectIdentity } from './identity.ts';
import { namespaceAt } from './look.ts';
import {
  type Beside,
  compileMeta,
  compileNode,
  compilePod,
  containersOf,
  groupOf,
  namespacesOf,
  queryOf,
} from './match.ts';
import { type Rules, rulesHere, sparedNamespace, sparedObject } from './protect.ts';
import { Refusal } from './refusal.ts';
import type { Kind, KubernetesSelector } from './selector.ts';
import type { Meta, Namespace, Node, Pod, Workload } from './types.ts';

/**
 * All objects that match, ordered by id, from lists alone: no call for each pod. Throws `peer-unavailable` when the
 * API server does not answer, `permission-missing` naming the verb and resource, `usage` for an unknown context.
 */
export async function discover(selector: KubernetesSelector, signal?: AbortSignal): Promise<readonly Target[]> {
  signal?.throwIfAborted();
  const client = await clusterFor(selector);
  const look: Look = { client, selector, signal, rules: rulesHere() };
  const { kind = 'pod' } = selector;
  const targets = await told(kind === 'pod' ? pods(look) : kind === 'node' ? nodes(look) : workloads(look, kind));
  return [...targets].sort((a, b) => (a.id < b.id ? -1 : 1));
}

interface Look {
  readonly client: Client;
  readonly selector: KubernetesSelector;
  readonly signal: AbortSignal | undefined;
  readonly rules: Rules;
}

/** What the server does not understand of a selector is a mistake of the document. */
async function told<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    throw new ZashikiError('usage', `the API server refuses the selector: ${error.message}`, { cause: error });
  }
}

async function pods(look: Look): Promise<readonly Target[]> {
  const { client, selector, rules } = look;
  const [beside, found] = await Promise.all([besides(look), listed<Pod>(look, 'pod')]);
  const isMeant = compilePod(selector, beside);
  return found.flatMap(({ items, spared }) =>
    items.filter(isMeant).flatMap((pod) => {
      const reason = spared(pod.metadata) ?? sparedObject('pod', pod, rules);
      if (selector.containers === undefined) return [podTarget(client, pod, selector, reason)];
      return containersOf(pod, selector).map((name) => podTarget(client, pod, selector, reason, name));
    }),
  );
}

async function nodes({ client, selector, signal, rules }: Look): Promise<readonly Target[]> {
  const { path, resource } = collectionOf('node');
  const found = await client.list<Node>({ path, resource, query: { ...queryOf(selector) }, signal });
  return found.filter(compileNode(selector)).map((node) => {
    const { metadata, spec, status } = node;
    const ready = status?.conditions?.find(({ type }) => type === 'Ready')?.status === 'True';
    const about = `${ready ? 'ready' : 'not ready'}${spec?.unschedulable ? ', cordoned' : ''}`;
    return targetOf(client, selector, 'node', metadata, about, sparedObject('node', node, rules));
  });
}

async function workloads(look: Look, kind: Kind): Promise<readonly Target[]> {
  const { client, selector, rules } = look;
  const fits = compileMeta(selector);
  const found = await listed<Workload>(look, kind);
  return found.flatMap(({ items, spared }) =>
    items
      .filter(({ metadata }) => metadata.deletionTimestamp === undefined && fits(metadata))
      .map((workload) => {
        const { metadata, spec, status } = workload;
        const owned = metadata.ownerReferences?.some(({ controller }) => controller) === true;
        const about = `${status?.readyReplicas ?? 0} of ${spec?.replicas ?? 0} ready${owned ? ', has a controller of its own' : ''}`;
        const reason = spared(metadata) ?? sparedObject(kind, workload, rules);
        return targetOf(client, selector, kind, metadata, about, reason, owned ? { owned } : {});
      }),
  );
}

/** One list for each namespace, or one for all, with what each namespace says about chaos. */
async function listed<T>({ client, selector, signal, rules }: Look, kind: Kind) {
  const names = namespacesOf(selector, client.namespace);
  const sparedIn = (namespace: Namespace) => sparedNamespace(namespace.metadata, rules, selector.optIn);
  if (names === undefined) {
    const { path, resource } = collectionOf(kind);
    const [items, namespaces] = await Promise.all([
      client.list<T>({ path, resource, query: { ...queryOf(selector) }, signal }),
      client.list<Namespace>({ path: '/api/v1/namespaces', resource: 'namespaces', signal }),
    ]);
    const reasons = new Map(namespaces.map((namespace) => [namespace.metadata.name, sparedIn(namespace)]));
    return [{ items, spared: ({ namespace = '' }: Meta) => reasons.get(namespace) }];
  }
  return Promise.all(
    names.map(async (name) => {
      const { path, resource } = collectionOf(kind, name);
      const [items, namespace] = await Promise.all([
        client.list<T>({ path, resource, namespace: name, query: { ...queryOf(selector, name) }, signal }),
        namespaceAt(client, name),
      ]);
      const reason = namespace ? sparedIn(namespace) : undefined;
      return { items, spared: (_meta: Meta) => reason };
    }),
  );
}

/** What has to be known of nodes and owners before pods are looked at. */
async function besides({ client, selector, signal }: Look): Promise<Beside> {
  const { nodeLabels, owner } = selector;
  const ofNodes = async () => {
    if (!nodeLabels) return undefined;
    const wanted = { kind: 'node', labels: nodeLabels } as const;
    const { path, resource } = collectionOf('node');
    const found = await client.list<Node>({ path, resource, query: { ...queryOf(wanted) }, signal });
    return new Set(found.filter(compileNode(wanted)).map(({ metadata }) => metadata.name));
  };
  const ofOwner = async () => {
    const between = owner && middlemen[owner.kind.toLowerCase()];
    if (!owner || !between) return undefined;
    const names = owner.namespace === undefined ? namespacesOf(selector, client.namespace) : [owner.namespace];
    const owners = await Promise.all(
      (names ?? [undefined]).map((namespace) =>
        client.list<{ metadata: Meta }>({
          path: `${between.base}${namespace ? `/namespaces/${encodeURIComponent(namespace)}` : ''}/${between.plural}`,
          resource: `${between.plural}.${between.group}`,
          namespace,
          signal,
        }),
      ),
    );
    const belong = owners
      .flat()
      .filter(({ metadata }) =>
        metadata.ownerReferences?.some(
          ({ kind, name }) => kind.toLowerCase() === owner.kind.toLowerCase() && name === owner.name,
        ),
      );
    return new Set(belong.map(({ metadata }) => `${between.kind} ${metadata.namespace}/${metadata.name}`));
  };
  const [nodes, owners] = await Promise.all([ofNodes(), ofOwner()]);
  return { nodes, owners };
}

/** Kinds whose pods belong to something between. */
const middlemen: Readonly<Record<string, { base: string; plural: string; group: string; kind: string }>> = {
  deployment: { base: '/apis/apps/v1', plural: 'replicasets', group: 'apps', kind: 'ReplicaSet' },
  rollout: { base: '/apis/apps/v1', plural: 'replicasets', group: 'apps', kind: 'ReplicaSet' },
  cronjob: { base: '/apis/batch/v1', plural: 'jobs', group: 'batch', kind: 'Job' },
};

function podTarget(
  client: Client,
  pod: Pod,
  selector: KubernetesSelector,
  reason: string | undefined,
  container?: string,
): Target {
  const { metadata, spec, status } = pod;
  const node = spec.nodeName;
  const about = `${status?.phase ?? 'Unknown'}${node ? ` on ${node}` : ''}`;
  const { agentImage: image, agentNamespace: namespace } = selector;
  const agent =
    image || namespace ? { agent: { ...(image ? { image } : {}), ...(namespace ? { namespace } : {}) } } : {};
  const statuses = [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])];
  const containerId = statuses.find(({ name }) => name === container)?.containerID;
  const ofContainer = container === undefined ? {} : { container, ...(containerId ? { containerId } : {}) };
  const more = { ...(node ? { node } : {}), ...agent, ...ofContainer };
  return targetOf(client, selector, 'pod', metadata, about, reason, more);
}

function targetOf(
  { cluster }: Client,
  { optIn }: KubernetesSelector,
  kind: Kind,
  metadata: Meta,
  about: string,
  reason: string | undefined,
  more: Partial<ObjectIdentity> = {},
): Target {
  const { name, namespace = '', uid, labels } = metadata;
  const { container } = more;
  const identity: ObjectIdentity = { cluster, kind, namespace, name, uid, ...(optIn ? { optIn } : {}), ...more };
  const place = namespace ? `${namespace}/${name}` : name;
  const group = kind === 'pod' ? groupOf(metadata) : undefined;
  return {
    platform: 'kubernetes',
    id: container === undefined ? `${kind}:${place}` : `container:${place}/${container}`,
    name: container === undefined ? name : `${name}/${container}`,
    identity: JSON.parse(JSON.stringify(identity)),
    labels: { ...labels, command: about },
    ...(group ? { group } : {}),
    ...(reason ? { protected: reason } : {}),
  };
}
