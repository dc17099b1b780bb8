import type { Client } from '../../platforms/kubernetes/client.ts';
import { removeObjects } from './apply.ts';
import type { KubernetesObject } from './options.ts';
import { type RecoverOptions, recoverAll, releaseAll, whenNobodyLeads } from './recovery.ts';

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
