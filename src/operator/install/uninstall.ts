import { ZashikiError } from '../../core/errors.ts';
import type { Client } from '../../platforms/kubernetes/client.ts';
import { placeOf, removeObjects } from './apply.ts';
import type { KubernetesObject } from './options.ts';
import { type RecoverOptions, recoverAll, releaseAll, unlessMissing, whenNobodyLeads } from './recovery.ts';

export interface UninstallOptions extends RecoverOptions {
  /** Documents and their definitions stay. */
  readonly keepCrds: boolean;
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
  await mustBeHere(client, objects, options.namespace);
  await recoverAll(client, options, say, signal);
  const isKept = ({ kind }: KubernetesObject) => options.keepCrds && kind === 'CustomResourceDefinition';
  const watching = objects.filter(({ kind }) => /^(Deployment|.*WebhookConfiguration)$/.test(kind));
  await removeObjects(client, watching, say);
  await whenNobodyLeads(client, options.namespace, signal);
  await releaseAll(client);
  await removeObjects(
    client,
    objects.filter((object) => !watching.includes(object) && !isKept(object)),
    say,
  );
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
