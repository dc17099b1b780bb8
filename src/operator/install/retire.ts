import type { Client } from '../../platforms/kubernetes/client.ts';
import { operatorName } from './options.ts';
import {
  type Owner,
  pullLever,
  type RecoverOptions,
  recoverAll,
  releaseAll,
  unlessMissing,
  whenNobodyLeads,
} from './recovery.ts';

/**
 * Make an installation ready for somebody else to remove, as Helm does: everything is off, no operator runs, and no
 * resource waits for one. With no more rights than the operator has. Throws `recover-failed` as `uninstall` does.
 */
export async function retire(
  client: Client,
  options: RecoverOptions,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const { namespace } = options;
  await recoverAll(client, options, say, signal);
  const owner = await endOperator(client, namespace);
  say('everything is off: waiting until the operator has ended');
  await whenNobodyLeads(client, namespace, signal);
  await releaseAll(client);
  // It goes with the Deployment, so that it does not stop what is installed later.
  if (owner) await pullLever(client, namespace, owner);
}

async function endOperator(client: Client, namespace: string): Promise<Owner | undefined> {
  const path = `/apis/apps/v1/namespaces/${namespace}/deployments/${operatorName}`;
  const deployment = { namespace, name: operatorName, resource: 'deployments.apps' };
  const found = await client
    .call<{ metadata: { uid: string } }>({ ...deployment, method: 'GET', verb: 'get', path })
    .catch(unlessMissing);
  if (!found) return undefined;
  await client.call({
    ...deployment,
    resource: 'deployments.apps/scale',
    method: 'PATCH',
    verb: 'patch',
    path: `${path}/scale`,
    type: 'application/merge-patch+json',
    body: { spec: { replicas: 0 } },
  });
  return { apiVersion: 'apps/v1', kind: 'Deployment', name: operatorName, uid: found.metadata.uid };
}
