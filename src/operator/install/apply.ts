import { errorRecord } from '../../core/errors.ts';
import type { Client } from '../../platforms/kubernetes/client.ts';
import { isMissing } from '../../platforms/kubernetes/refusal.ts';
import { rest } from '../watch.ts';
import type { KubernetesObject } from './options.ts';

interface Place {
  readonly plural: string;
  readonly namespaced: boolean;
}

/** Kinds of which an installation is made. */
const places: Readonly<Record<string, Place>> = {
  Namespace: { plural: 'namespaces', namespaced: false },
  CustomResourceDefinition: { plural: 'customresourcedefinitions', namespaced: false },
  ServiceAccount: { plural: 'serviceaccounts', namespaced: true },
  ClusterRole: { plural: 'clusterroles', namespaced: false },
  ClusterRoleBinding: { plural: 'clusterrolebindings', namespaced: false },
  Role: { plural: 'roles', namespaced: true },
  RoleBinding: { plural: 'rolebindings', namespaced: true },
  NetworkPolicy: { plural: 'networkpolicies', namespaced: true },
  Deployment: { plural: 'deployments', namespaced: true },
  DaemonSet: { plural: 'daemonsets', namespaced: true },
  Service: { plural: 'services', namespaced: true },
  ValidatingWebhookConfiguration: { plural: 'validatingwebhookconfigurations', namespaced: false },
  MutatingWebhookConfiguration: { plural: 'mutatingwebhookconfigurations', namespaced: false },
};

/** Where an object is, and what it is called in access rules. */
export function placeOf({ apiVersion, kind, metadata }: KubernetesObject) {
  const { plural, namespaced } = places[kind] as Place;
  const [group, version] = apiVersion.includes('/') ? apiVersion.split('/') : ['', apiVersion];
  const base = group ? `/apis/${group}/${version}` : `/api/${version}`;
  const inside = namespaced ? `/namespaces/${metadata.namespace}` : '';
  return {
    path: `${base}${inside}/${plural}/${metadata.name}`,
    resource: group ? `${plural}.${group}` : plural,
    name: metadata.name,
    ...(namespaced ? { namespace: metadata.namespace } : {}),
  };
}

/**
 * Wait until what is being deleted of these is gone, as just after an uninstallation: nothing can be made in a namespace
 * that goes. What is still there when `ms` have passed, by name.
 */
export async function whenGone(
  client: Client,
  objects: readonly KubernetesObject[],
  { ms, signal, say }: { readonly ms: number; readonly signal: AbortSignal; readonly say: (line: string) => void },
): Promise<string | undefined> {
  const until = performance.now() + ms;
  const told = new Set<string>();
  const holding = objects.filter(({ kind }) => kind === 'Namespace' || kind === 'CustomResourceDefinition');
  for (;;) {
    const going: string[] = [];
    for (const object of holding) {
      if (await isGoing(client, object)) going.push(`${object.kind} ${object.metadata.name}`);
    }
    if (going.length === 0) return undefined;
    for (const name of going) if (!told.has(name)) say(`${name} is still being deleted: waiting for it`);
    for (const name of going) told.add(name);
    if (performance.now() > until || signal.aborted) return going.join(', ');
    await rest(500, signal);
  }
}

async function isGoing(client: Client, object: KubernetesObject): Promise<boolean> {
  try {
    const call = { ...placeOf(object), method: 'GET', verb: 'get' } as const;
    const { metadata } = await client.call<{ metadata: { deletionTimestamp?: string } }>(call);
    return metadata.deletionTimestamp !== undefined;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

/** Make it so, one object after another, by server-side apply: what others have set there stays. */
export async function applyObjects(
  client: Client,
  objects: readonly KubernetesObject[],
  say: (line: string) => void,
): Promise<void> {
  for (const object of objects) {
    const call = {
      ...placeOf(object),
      method: 'PATCH',
      verb: 'patch',
      type: 'application/apply-patch+yaml',
      query: { fieldManager: 'zashiki', force: 'true' },
      body: object,
    } as const;
    await client.call(call);
    say(`${object.kind} ${object.metadata.name}`);
  }
}

/** Take away what is there of these, the last first. */
export async function removeObjects(
  client: Client,
  objects: readonly KubernetesObject[],
  say: (line: string) => void,
): Promise<void> {
  for (const object of [...objects].reverse()) {
    try {
      const body = { propagationPolicy: 'Background' };
      await client.call({ ...placeOf(object), method: 'DELETE', verb: 'delete', body });
      say(`${object.kind} ${object.metadata.name}`);
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }
}

/** Wait until all workloads of an installation are ready; a sentence when `ms` passed first. */
export async function whenReady(
  client: Client,
  objects: readonly KubernetesObject[],
  ms: number,
  signal: AbortSignal,
): Promise<string | undefined> {
  const until = performance.now() + ms;
  for (;;) {
    const waiting: string[] = [];
    for (const object of objects) {
      if (object.kind !== 'Deployment' && object.kind !== 'DaemonSet') continue;
      const said = await readiness(client, object).catch((error: unknown) => errorRecord(error).message);
      if (said !== undefined) waiting.push(`${object.kind} ${object.metadata.name}: ${said}`);
    }
    if (waiting.length === 0) return undefined;
    if (performance.now() > until || signal.aborted) return waiting.join('; ');
    await rest(500, signal);
  }
}

interface Workload {
  readonly metadata: { readonly generation: number };
  readonly status?: Readonly<Record<string, number>>;
  readonly spec: { readonly replicas?: number };
}

async function readiness(client: Client, object: KubernetesObject): Promise<string | undefined> {
  const {
    metadata,
    status = {},
    spec,
  } = await client.call<Workload>({ ...placeOf(object), method: 'GET', verb: 'get' });
  if ((status.observedGeneration ?? 0) < metadata.generation) return 'not seen yet';
  const [wanted, ready, updated] =
    object.kind === 'Deployment'
      ? [spec.replicas ?? 1, status.readyReplicas ?? 0, status.updatedReplicas ?? 0]
      : [status.desiredNumberScheduled ?? 0, status.numberReady ?? 0, status.updatedNumberScheduled ?? 0];
  return ready >= wanted && updated >= wanted ? undefined : `${ready} of ${wanted} ready`;
}
