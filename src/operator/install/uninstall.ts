import { ZashikiError } from '../../core/errors.ts';
import type { Client } from '../../platforms/kubernetes/client.ts';
import { isMissing } from '../../platforms/kubernetes/refusal.ts';
import { allKinds, type KindInfo, pathOf, resourceName } from '../kinds.ts';
import { mayBeOn, recordId } from '../record.ts';
import { finalizer, nameOf, type Resource } from '../resource.ts';
import { leverName } from '../settings.ts';
import { rest } from '../watch.ts';
import { placeOf, removeObjects } from './apply.ts';
import type { KubernetesObject } from './options.ts';

export interface UninstallOptions {
  readonly namespace: string;
  /** Documents and their definitions stay. */
  readonly keepCrds: boolean;
  /** Do not wait for what cannot be recovered. */
  readonly force: boolean;
  readonly timeoutMs: number;
}

/**
 * Take an installation away. First the stop lever: nothing is removed that could still undo something before everything
 * is off. Throws `recover-failed`, with the lever still pulled, when something stays on.
 */
export async function uninstall(
  client: Client,
  objects: readonly KubernetesObject[],
  options: UninstallOptions,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const { namespace, keepCrds, force, timeoutMs } = options;
  await mustBeHere(client, objects, namespace);
  const pulled = await pullLever(client, namespace);
  if (pulled) say('the stop lever is pulled: waiting until nothing is on any more');
  else say(`there is no namespace ${namespace}: only what lies outside of it is removed`);
  const until = performance.now() + timeoutMs;
  for (;;) {
    const left = await stillOn(client);
    if (left.length === 0) break;
    if (performance.now() > until || signal.aborted) {
      const list = left.map((line) => `\n  ${line}`).join('');
      if (force) {
        say(`let go of, though it may still be on:${list}`);
        break;
      }
      throw new ZashikiError('recover-failed', `still on after ${timeoutMs / 1000} s, so nothing was removed:${list}`, {
        hint: 'see the events of these resources; --force removes Zashiki all the same',
      });
    }
    await rest(500, signal);
  }
  const isKept = ({ kind }: KubernetesObject) => keepCrds && kind === 'CustomResourceDefinition';
  const watching = objects.filter(({ kind }) => /^(Deployment|.*WebhookConfiguration)$/.test(kind));
  await removeObjects(client, watching, say);
  await whenNobodyLeads(client, namespace, signal);
  // Nobody is left who would take them off.
  for (const resource of await everything(client)) await release(client, resource);
  await removeObjects(
    client,
    objects.filter((object) => !watching.includes(object) && !isKept(object)),
    say,
  );
}

/** The operator ends in order, which takes a moment: until then it holds on to what it has seen. */
async function whenNobodyLeads(client: Client, namespace: string, signal: AbortSignal): Promise<void> {
  const until = performance.now() + 90_000;
  const query = { labelSelector: 'app.kubernetes.io/name=zashiki,app.kubernetes.io/component=operator' };
  const path = `/api/v1/namespaces/${namespace}/pods`;
  while (performance.now() < until && !signal.aborted) {
    if ((await client.list({ path, resource: 'pods', namespace, query })).length === 0) return;
    await rest(500, signal);
  }
}

/** An installation elsewhere shares the names of what lies outside of namespaces: it would lose its definitions. */
async function mustBeHere(client: Client, objects: readonly KubernetesObject[], namespace: string): Promise<void> {
  const hook = objects.find(({ kind }) => kind === 'ValidatingWebhookConfiguration');
  if (hook === undefined) return;
  const found = await client
    .call<{ readonly webhooks?: readonly Webhook[] }>({ ...placeOf(hook), method: 'GET', verb: 'get' })
    .catch(unlessMissing);
  const home = found?.webhooks?.[0]?.clientConfig.service?.namespace;
  if (home === undefined || home === namespace) return;
  throw new ZashikiError(
    'usage',
    `the installation is in the namespace ${home}, not in ${namespace}: nothing was done`,
    {
      hint: `write --namespace ${home}`,
    },
  );
}

interface Webhook {
  readonly clientConfig: { readonly service?: { readonly namespace: string } };
}

/** False when the namespace is not there. */
async function pullLever(client: Client, namespace: string): Promise<boolean> {
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
        metadata: { name: leverName, namespace },
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

function unlessMissing(error: unknown): undefined {
  if (!isMissing(error)) throw error;
  return undefined;
}
