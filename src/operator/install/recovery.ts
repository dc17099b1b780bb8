import { isError, ZashikiError } from '../../core/errors.ts';
import { markOf } from '../../platforms/kubernetes/capabilities/pod.ts';
import type { Client } from '../../platforms/kubernetes/client.ts';
import { isMissing } from '../../platforms/kubernetes/refusal.ts';
import type { Pod } from '../../platforms/kubernetes/types.ts';
import { allKinds, type KindInfo, pathOf, resourceName } from '../kinds.ts';
import { mayBeOn, recordId } from '../record.ts';
import { finalizer, nameOf, type Resource } from '../resource.ts';
import { leverName } from '../settings.ts';
import { rest } from '../watch.ts';

export interface RecoverOptions {
  readonly namespace: string;
  /** Do not wait for what cannot be recovered. */
  readonly force: boolean;
  readonly timeoutMs: number;
}

/**
 * Pull the stop lever, and wait until nothing is on any more. Throws `recover-failed`, with the lever still pulled, when
 * something stays on.
 */
export async function recoverAll(
  client: Client,
  { namespace, force, timeoutMs }: RecoverOptions,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  if (await pullLever(client, namespace)) say('the stop lever is pulled: waiting until nothing is on any more');
  else say(`there is no namespace ${namespace}: only what lies outside of it is removed`);
  const until = performance.now() + timeoutMs;
  for (;;) {
    const recorded = await stillOn(client);
    const left = recorded.length > 0 ? recorded : await stillMarked(client, namespace, say);
    if (left.length === 0) return;
    if (performance.now() > until || signal.aborted) {
      const list = left.map((line) => `\n  ${line}`).join('');
      if (force) return say(`let go of, though it may still be on:${list}`);
      throw new ZashikiError('recover-failed', `still on after ${timeoutMs / 1000} s, so nothing was removed:${list}`, {
        hint: `${recorded.length > 0 ? 'see the events of these resources' : howToUnmark(namespace)}; --force removes Zashiki all the same`,
      });
    }
    await rest(recorded.length > 0 ? 500 : marksEvery, signal);
  }
}

/** The operator ends in order, which takes a moment: until then it holds on to what it has seen. */
export async function whenNobodyLeads(client: Client, namespace: string, signal: AbortSignal): Promise<void> {
  const until = performance.now() + 90_000;
  const query = { labelSelector: 'app.kubernetes.io/name=zashiki,app.kubernetes.io/component=operator' };
  const path = `/api/v1/namespaces/${namespace}/pods`;
  while (performance.now() < until && !signal.aborted) {
    if ((await client.list({ path, resource: 'pods', namespace, query })).length === 0) return;
    await rest(500, signal);
  }
}

/** What the lever goes with, when that is removed. */
export interface Owner {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
}

/** False when the namespace is not there. */
export async function pullLever(client: Client, namespace: string, owner?: Owner): Promise<boolean> {
  const path = `/api/v1/namespaces/${namespace}/configmaps/${leverName}`;
  return client
    .call({
      resource: 'configmaps',
      namespace,
      name: leverName,
      method: 'PATCH',
      verb: 'patch',
      path,
      type: 'application/apply-patch+yaml',
      query: { fieldManager: 'zashiki', force: 'true' },
      body: {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: leverName, namespace, ...(owner ? { ownerReferences: [owner] } : {}) },
        data: { reason: 'zashiki is being uninstalled' },
      },
    })
    .then(() => true)
    .catch((error: unknown) => unlessMissing(error) ?? false);
}

/** What may be on, one line each. */
async function stillOn(client: Client): Promise<readonly string[]> {
  return (await everything(client)).flatMap((resource) =>
    Object.values(resource.status?.zashiki?.injections ?? {})
      .filter(mayBeOn)
      .map(({ fault, target }) => `${resource.kind} ${nameOf(resource)}: ${fault} on ${recordId(target)}`),
  );
}

/** All pods of a cluster are not asked for more often. */
const marksEvery = 5000;

/** Pods that this installation has made fail, though no resource knows of it any more. */
async function stillMarked(client: Client, namespace: string, say: (line: string) => void): Promise<readonly string[]> {
  try {
    const pods = await client.list<Pod>({ path: '/api/v1/pods', resource: 'pods' });
    return pods
      .filter((pod) => markOf(pod)?.owner === `kubernetes-${namespace}`)
      .map(({ metadata }) => `pod ${metadata.namespace}/${metadata.name}: pod-failure, of a resource that is gone`);
  } catch (error) {
    if (!isError(error, 'permission-missing')) throw error;
    say('not looked for: pods that a resource made fail which is gone, because we may not list pods');
    return [];
  }
}

const howToUnmark = (namespace: string) =>
  `delete the ConfigMap zashiki-stop in ${namespace}, apply a PodChaos of pod-failure on these pods and delete it: they get their images back`;

async function everything(client: Client): Promise<readonly Resource[]> {
  const lists = await Promise.all(
    allKinds.map(async (kind) => {
      const found = await client
        .list<Resource>({ path: pathOf(kind), resource: resourceName(kind) })
        .catch((error: unknown) => unlessMissing(error) ?? []);
      return found.map((item) => ({ ...item, apiVersion: `${kind.group}/${kind.version}`, kind: kind.kind }));
    }),
  );
  return lists.flat();
}

/** When nobody is left who would take them off: all resources let themselves be deleted. */
export async function releaseAll(client: Client): Promise<void> {
  for (const resource of await everything(client)) await release(client, resource);
}

async function release(client: Client, { metadata, kind, apiVersion }: Resource): Promise<void> {
  const { namespace, name, finalizers = [] } = metadata;
  if (!finalizers.includes(finalizer)) return;
  const info = allKinds.find((each) => each.kind === kind && apiVersion.startsWith(each.group)) as KindInfo;
  await client
    .call({
      method: 'PATCH',
      verb: 'patch',
      path: pathOf(info, namespace, name),
      resource: resourceName(info),
      namespace,
      name,
      type: 'application/merge-patch+json',
      body: { metadata: { finalizers: finalizers.filter((each) => each !== finalizer) } },
    })
    .catch(unlessMissing);
}

export function unlessMissing(error: unknown): undefined {
  if (!isMissing(error)) throw error;
  return undefined;
}
