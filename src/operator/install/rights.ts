import { serviceAccount } from '../admission/admit.ts';
import { webhookNames } from '../admission/certificates.ts';
import { allKinds } from '../kinds.ts';
import { leaseName } from '../settings.ts';
import { type InstallOptions, type KubernetesObject, labels } from './options.ts';

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
}

const rule = (group: string, resources: readonly string[], verbs: string, names?: readonly string[]): Rule => ({
  apiGroups: [group],
  resources,
  verbs: verbs.split(' '),
  ...(names ? { resourceNames: names } : {}),
});

/** Wherever it may hit something: its own kinds, pods and what they belong to. */
function inNamespaces({ allowExec }: InstallOptions): readonly Rule[] {
  const groups = [...new Set(allKinds.map(({ group }) => group))];
  return [
    ...groups.flatMap((group) => {
      const plurals = allKinds.filter((kind) => kind.group === group).map(({ plural }) => plural);
      return [
        rule(group, plurals, 'get list watch create patch delete'),
        rule(
          group,
          plurals.map((plural) => `${plural}/status`),
          'get update',
        ),
        // Owners of what it makes cannot go before it.
        rule(
          group,
          plurals.map((plural) => `${plural}/finalizers`),
          'update',
        ),
      ];
    }),
    // Tasks of a Workflow are pods; who writes one must be allowed to make them.
    rule('', ['pods'], 'get list watch create patch delete'),
    rule('', ['pods/log'], 'get'),
    rule('', ['pods/eviction'], 'create'),
    rule('apps', ['deployments', 'statefulsets', 'replicasets', 'daemonsets'], 'get list'),
    rule('apps', ['deployments/scale', 'statefulsets/scale', 'replicasets/scale'], 'get patch update'),
    rule('batch', ['jobs', 'cronjobs'], 'get list'),
    rule('', ['events'], 'create patch'),
    rule('coordination.k8s.io', ['leases'], 'get list', ['chaos-mesh']),
    rule('', ['configmaps'], 'get list', ['chaos-mesh']),
    ...(allowExec ? [rule('', ['pods/exec'], 'get create')] : []),
  ];
}

/** What has no namespace. */
function inCluster({ watch }: InstallOptions): readonly Rule[] {
  return [
    watch ? rule('', ['namespaces'], 'get', watch) : rule('', ['namespaces'], 'get list'),
    ...(watch ? [] : [rule('', ['nodes'], 'get list patch')]),
    rule('authorization.k8s.io', ['subjectaccessreviews'], 'create'),
    rule(
      'admissionregistration.k8s.io',
      ['validatingwebhookconfigurations', 'mutatingwebhookconfigurations'],
      'get patch',
      [webhookNames.configuration],
    ),
  ];
}

/** In its own namespace: lease, stop lever, certificate, and its agents, which it talks to by exec. */
const atHome: readonly Rule[] = [
  rule('coordination.k8s.io', ['leases'], 'create'),
  rule('coordination.k8s.io', ['leases'], 'get update', [leaseName]),
  rule('', ['configmaps'], 'get list watch create patch'),
  rule('', ['secrets'], 'create'),
  rule('', ['secrets'], 'get update', [webhookNames.secret]),
  rule('', ['pods'], 'get list'),
  rule('', ['pods/exec'], 'get create'),
];

/** Accounts and their rights: no more than what is used. */
export function rights(options: InstallOptions): readonly KubernetesObject[] {
  const { namespace, watch } = options;
  const name = serviceAccount;
  const rbac = 'rbac.authorization.k8s.io/v1';
  const subjects = [{ kind: 'ServiceAccount', name, namespace }];
  const role = (
    kind: 'Role' | 'ClusterRole',
    called: string,
    rules: readonly Rule[],
    place?: string,
  ): readonly KubernetesObject[] => [
    {
      apiVersion: rbac,
      kind,
      metadata: { name: called, ...(place ? { namespace: place } : {}), labels: labels('operator') },
      rules,
    },
    {
      apiVersion: rbac,
      kind: `${kind}Binding`,
      metadata: { name: called, ...(place ? { namespace: place } : {}), labels: labels('operator') },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind, name: called },
      subjects,
    },
  ];
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace, labels: labels('operator') } },
    {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: 'zashiki-agent', namespace, labels: labels('agent') },
      automountServiceAccountToken: false,
    },
    ...role('ClusterRole', name, [...inCluster(options), ...(watch ? [] : inNamespaces(options))]),
    ...(watch ?? []).flatMap((place) => role('Role', name, inNamespaces(options), place)),
    ...role('Role', `${name}-home`, atHome, namespace),
  ];
}
