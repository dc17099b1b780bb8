import { agentPod } from '../../platforms/kubernetes/agent/pod-spec.ts';
import { serviceAccount } from '../admission/admit.ts';
import { webhookNames } from '../admission/certificates.ts';
import { allKinds } from '../kinds.ts';
import { type InstallOptions, type KubernetesObject, labels, operatorName } from './options.ts';

export const webhookPort = 9443;

/** The operator: not root, nothing to write but a folder that is gone with it. */
export function operatorDeployment(options: InstallOptions): KubernetesObject {
  const { namespace, image, replicas, watch = [], optIn, blastRadius, pauseImage } = options;
  const flags = [
    ['--namespace', namespace],
    ['--webhook', `0.0.0.0:${webhookPort}`],
    ['--state', '/var/lib/zashiki'],
    ...watch.map((name) => ['--watch', name]),
    ...(optIn ? [['--opt-in']] : []),
    ...(blastRadius === undefined ? [] : [['--blast-radius', blastRadius]]),
    ...(pauseImage === undefined ? [] : [['--pause-image', pauseImage]]),
  ].flat();
  const field = (name: string, fieldPath: string) => ({ name, valueFrom: { fieldRef: { fieldPath } } });
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: operatorName, namespace, labels: labels('operator') },
    spec: {
      replicas,
      selector: { matchLabels: labels('operator') },
      template: {
        metadata: { labels: labels('operator') },
        spec: {
          serviceAccountName: serviceAccount,
          // Runs of Experiments recover what they have on before it ends.
          terminationGracePeriodSeconds: 60,
          securityContext: {
            runAsNonRoot: true,
            runAsUser: 10001,
            runAsGroup: 10001,
            fsGroup: 10001,
            seccompProfile: { type: 'RuntimeDefault' },
          },
          affinity: {
            podAntiAffinity: {
              preferredDuringSchedulingIgnoredDuringExecution: [
                {
                  weight: 100,
                  podAffinityTerm: {
                    labelSelector: { matchLabels: labels('operator') },
                    topologyKey: 'kubernetes.io/hostname',
                  },
                },
              ],
            },
          },
          containers: [
            {
              name: 'operator',
              image,
              imagePullPolicy: 'IfNotPresent',
              command: ['zashiki', 'operator', ...flags],
              env: [
                field('POD_NAME', 'metadata.name'),
                field('NODE_NAME', 'spec.nodeName'),
                field('ZASHIKI_AGENT_NAMESPACE', 'metadata.namespace'),
              ],
              ports: [{ name: 'webhook', containerPort: webhookPort }],
              readinessProbe: { httpGet: { path: '/healthz', port: 'webhook', scheme: 'HTTPS' }, periodSeconds: 5 },
              livenessProbe: {
                httpGet: { path: '/healthz', port: 'webhook', scheme: 'HTTPS' },
                periodSeconds: 20,
                failureThreshold: 6,
                initialDelaySeconds: 30,
              },
              resources: { requests: { cpu: '50m', memory: '128Mi' }, limits: { memory: '512Mi' } },
              securityContext: {
                allowPrivilegeEscalation: false,
                readOnlyRootFilesystem: true,
                capabilities: { drop: ['ALL'] },
              },
              volumeMounts: [
                { name: 'state', mountPath: '/var/lib/zashiki' },
                { name: 'tmp', mountPath: '/tmp' },
              ],
            },
          ],
          volumes: [
            { name: 'state', emptyDir: {} },
            { name: 'tmp', emptyDir: {} },
          ],
        },
      },
    },
  };
}

/** One agent on each node: capabilities by name, the processes of the host, and never `privileged`. */
export function agentDaemonSet({ namespace, image }: InstallOptions): KubernetesObject {
  const pod = agentPod('$(NODE_NAME)', image, []) as { containers: readonly object[] };
  const env = [{ name: 'NODE_NAME', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } }];
  const resources = { requests: { cpu: '20m', memory: '64Mi' }, limits: { memory: '512Mi' } };
  return {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name: 'zashiki-agent', namespace, labels: labels('agent') },
    spec: {
      selector: { matchLabels: labels('agent') },
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '10%' } },
      template: {
        metadata: { labels: labels('agent') },
        spec: {
          ...pod,
          serviceAccountName: 'zashiki-agent',
          priorityClassName: 'system-node-critical',
          containers: pod.containers.map((container) => ({ ...container, env, resources })),
        },
      },
    },
  };
}

/** How the API server reaches the webhook, and when it asks: only where a document is new or was changed. */
export function webhook({ namespace, watch }: InstallOptions): readonly KubernetesObject[] {
  const { service, configuration } = webhookNames;
  const groups = [...new Set(allKinds.map(({ group }) => group))];
  const rules = groups.map((group) => ({
    apiGroups: [group],
    apiVersions: [...new Set(allKinds.filter((kind) => kind.group === group).map(({ version }) => version))],
    operations: ['CREATE', 'UPDATE'],
    resources: allKinds.filter((kind) => kind.group === group).map(({ plural }) => plural),
    scope: 'Namespaced',
  }));
  const config = (name: string, path: string) => ({
    name,
    admissionReviewVersions: ['v1'],
    sideEffects: 'None',
    failurePolicy: 'Fail',
    timeoutSeconds: 10,
    matchPolicy: 'Equivalent',
    clientConfig: { service: { name: service, namespace, path, port: 443 } },
    rules,
    // Statuses, finalizers, annotations and deletions must go on when nobody answers.
    matchConditions: [
      { name: 'said-anew', expression: 'request.operation == "CREATE" || object.spec != oldObject.spec' },
    ],
    ...(watch
      ? {
          namespaceSelector: {
            matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'In', values: watch }],
          },
        }
      : {}),
  });
  const metadata = { name: configuration, labels: labels('operator') };
  return [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: service, namespace, labels: labels('operator') },
      spec: { selector: labels('operator'), ports: [{ name: 'webhook', port: 443, targetPort: 'webhook' }] },
    },
    {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingWebhookConfiguration',
      metadata,
      webhooks: [config('validate.zashiki.dev', '/validate')],
    },
    {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'MutatingWebhookConfiguration',
      metadata,
      webhooks: [config('author.zashiki.dev', '/default')],
    },
  ];
}

/** Agents take no connections at all; the operator takes those of the API server. */
export function networkPolicies({ namespace }: InstallOptions): readonly KubernetesObject[] {
  const policy = (component: string, ingress: readonly object[]): KubernetesObject => ({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: `zashiki-${component}`, namespace, labels: labels(component) },
    spec: { podSelector: { matchLabels: labels(component) }, policyTypes: ['Ingress'], ingress },
  });
  return [policy('agent', []), policy('operator', [{ ports: [{ port: 'webhook', protocol: 'TCP' }] }])];
}
