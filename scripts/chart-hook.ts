import { serviceAccount } from '../src/operator/admission/admit.ts';
import { type InstallOptions, type KubernetesObject, labels } from '../src/operator/install/options.ts';

/**
 * What `helm uninstall` runs before it removes anything: everything is recovered while there still is an operator, with
 * the operator's own rights. When it fails nothing is removed; `--no-hooks` removes the release all the same.
 */
export function uninstallHook({ namespace, image }: InstallOptions): KubernetesObject {
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: 'zashiki-uninstall',
      namespace,
      labels: labels('uninstall'),
      annotations: {
        'helm.sh/hook': 'pre-delete',
        'helm.sh/hook-delete-policy': 'before-hook-creation,hook-succeeded',
      },
    },
    spec: {
      backoffLimit: 0,
      template: {
        metadata: { labels: labels('uninstall') },
        spec: {
          serviceAccountName: serviceAccount,
          restartPolicy: 'Never',
          securityContext: {
            runAsNonRoot: true,
            runAsUser: 10001,
            runAsGroup: 10001,
            seccompProfile: { type: 'RuntimeDefault' },
          },
          containers: [
            {
              name: 'uninstall',
              image,
              imagePullPolicy: 'IfNotPresent',
              command: ['zashiki', 'uninstall', 'kubernetes', '--recover-only', '--namespace', namespace],
              resources: { requests: { cpu: '50m', memory: '128Mi' }, limits: { memory: '512Mi' } },
              securityContext: {
                allowPrivilegeEscalation: false,
                readOnlyRootFilesystem: true,
                capabilities: { drop: ['ALL'] },
              },
            },
          ],
        },
      },
    },
  };
}
