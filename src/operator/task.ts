import type { NodeState } from '../compat/chaos-mesh/index.ts';
import type { JsonObject } from '../core/model.ts';
import type { Client } from '../platforms/kubernetes/client.ts';
import { isConflict, isMissing } from '../platforms/kubernetes/refusal.ts';
import type { Pod } from '../platforms/kubernetes/types.ts';
import type { Resource } from './resource.ts';

const pods = (namespace: string, name?: string) => ({
  path: `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods${name === undefined ? '' : `/${encodeURIComponent(name)}`}`,
  resource: 'pods',
  namespace,
  ...(name === undefined ? {} : { name }),
});

/** The pod of a task: its container once, without an account of its own. */
export async function createTask(client: Client, resource: Resource, name: string, task: JsonObject): Promise<void> {
  const { apiVersion, kind, metadata } = resource;
  const { container, volumes, labels } = task;
  const ownerReferences = [
    { apiVersion, kind, name: metadata.name, uid: metadata.uid, controller: true, blockOwnerDeletion: true },
  ];
  const body = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      labels: { ...(labels as JsonObject | undefined), 'chaos-mesh.org/workflow': metadata.name },
      ownerReferences,
    },
    spec: {
      restartPolicy: 'Never',
      automountServiceAccountToken: false,
      containers: [container],
      ...(volumes ? { volumes } : {}),
    },
  };
  await client.call({ ...pods(metadata.namespace), method: 'POST', verb: 'create', body }).catch((error: unknown) => {
    if (!isConflict(error)) throw error;
  });
}

/** What came of it, once it has ended: exit code, and what it wrote. */
export async function reportOfTask(
  client: Client,
  namespace: string,
  name: string,
): Promise<NodeState['report'] | undefined> {
  const place = pods(namespace, name);
  const pod = await client.call<Pod>({ ...place, method: 'GET', verb: 'get' }).catch(unlessMissing);
  const phase = pod?.status?.phase;
  if (phase !== 'Succeeded' && phase !== 'Failed') return undefined;
  const exitCode = pod?.status?.containerStatuses?.[0]?.state?.terminated?.exitCode ?? (phase === 'Succeeded' ? 0 : 1);
  const log = { ...place, path: `${place.path}/log`, resource: 'pods/log', query: { limitBytes: 65_536 } };
  const stdout = await client.call<string>({ ...log, method: 'GET', verb: 'get', raw: true }).catch(() => '');
  return { kind: 'task', exitCode, stdout: stdout.trimEnd() };
}

export async function removeTask(client: Client, namespace: string, name: string): Promise<void> {
  await client.call({ ...pods(namespace, name), method: 'DELETE', verb: 'delete' }).catch(unlessMissing);
}

function unlessMissing(error: unknown): undefined {
  if (!isMissing(error)) throw error;
  return undefined;
}
