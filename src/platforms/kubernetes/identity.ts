import { ZashikiError } from '../../core/errors.ts';
import type { TargetRef } from '../../core/model.ts';
import type { Cluster } from './cluster.ts';
import { type Kind, kinds } from './selector.ts';

/** What makes a target this very object of this very cluster, and how to reach it from any process. Plain JSON. */
export type ObjectIdentity = {
  readonly cluster: Cluster;
  readonly kind: Kind;
  /** Empty for a node. */
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** Of a pod: the node that it is on. */
  readonly node?: string;
  /** For a container: its name, and the id of this very one, as `containerd://…`. */
  readonly container?: string;
  readonly containerId?: string;
  /** The agent to start on the node where none is installed. */
  readonly agent?: { readonly image?: string; readonly namespace?: string };
  /** It was chosen from namespaces that opted in; one that no longer does is spared. */
  readonly optIn?: boolean;
  /** It has a controller of its own, which decides about its replicas. */
  readonly owned?: boolean;
};

/** Read back what discovery wrote. Throws `plan-invalid` when it is not the identity of an object. */
export function objectOf(target: TargetRef): ObjectIdentity {
  const identity = target.identity as unknown as Partial<ObjectIdentity>;
  const { cluster, kind, namespace, name, uid } = identity;
  const texts = [namespace, name, uid, cluster?.context, cluster?.server];
  if (
    texts.some((text) => typeof text !== 'string') ||
    !kinds.includes(kind as Kind) ||
    !Array.isArray(cluster?.files)
  ) {
    throw new ZashikiError('plan-invalid', `target ${target.id} has no cluster, kind, name and uid to be known by`, {
      hint: 'make the plan again with `zashiki plan`',
    });
  }
  return identity as ObjectIdentity;
}

/** How a kind is reached by the API. */
const places: Readonly<Record<Kind, { readonly base: string; readonly plural: string; readonly group: string }>> = {
  pod: { base: '/api/v1', plural: 'pods', group: '' },
  node: { base: '/api/v1', plural: 'nodes', group: '' },
  deployment: { base: '/apis/apps/v1', plural: 'deployments', group: 'apps' },
  statefulset: { base: '/apis/apps/v1', plural: 'statefulsets', group: 'apps' },
  replicaset: { base: '/apis/apps/v1', plural: 'replicasets', group: 'apps' },
};

/** Path of a collection, in a namespace, or in all when there is none; and its name in access rules. */
export function collectionOf(kind: Kind, namespace?: string): { readonly path: string; readonly resource: string } {
  const { base, plural, group } = places[kind];
  const inside = namespace ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  return { path: `${base}${inside}/${plural}`, resource: group ? `${plural}.${group}` : plural };
}

/** Path of one object, or of a subresource of it. */
export function pathOf(
  { kind, namespace, name }: Pick<ObjectIdentity, 'kind' | 'namespace' | 'name'>,
  subresource?: string,
): { readonly path: string; readonly resource: string; readonly namespace?: string; readonly name: string } {
  const { path, resource } = collectionOf(kind, namespace);
  const below = subresource ? `/${subresource}` : '';
  return {
    path: `${path}/${encodeURIComponent(name)}${below}`,
    resource: `${resource}${below}`,
    ...(namespace ? { namespace } : {}),
    name,
  };
}

/** `pod default/web-0`, `node n1`: how it is called in messages. */
export const told = ({ kind, namespace, name }: Pick<ObjectIdentity, 'kind' | 'namespace' | 'name'>): string =>
  `${kind} ${namespace ? `${namespace}/` : ''}${name}`;
