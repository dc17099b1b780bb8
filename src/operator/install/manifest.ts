import { crds } from './crds.ts';
import { type InstallOptions, type KubernetesObject, labels } from './options.ts';
import { rights } from './rights.ts';
import { agentDaemonSet, networkPolicies, operatorDeployment, webhook } from './workloads.ts';

/** All objects of an installation, in the order in which they are applied. Pure: the same options, the same objects. */
export function manifest(options: InstallOptions): readonly KubernetesObject[] {
  const { namespace } = options;
  // Agents see the processes of the host: a namespace that enforces less does not take them.
  const privileged = { 'pod-security.kubernetes.io/enforce': 'privileged' };
  return [
    {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: namespace, labels: { ...labels('namespace'), ...privileged } },
    },
    ...crds(),
    ...rights(options),
    ...networkPolicies(options),
    // There before the operator, which tells the API server whom to trust as soon as it starts.
    ...webhook(options),
    operatorDeployment(options),
    agentDaemonSet(options),
  ];
}
