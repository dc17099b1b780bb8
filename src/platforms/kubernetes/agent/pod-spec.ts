import { createHash } from 'node:crypto';
import type { JsonObject } from '../../../core/model.ts';

declare const __VERSION__: string;

/** The image that is used when the selector names none: ours, of this version. */
export const usualImage = (): string => `zashiki/zashiki:${typeof __VERSION__ === 'string' ? __VERSION__ : 'latest'}`;

/** What every agent's pod is found by, installed or started for a while. */
export const agentLabels = { 'app.kubernetes.io/name': 'zashiki', 'app.kubernetes.io/component': 'agent' } as const;

/** What faults on a node need: each by its name, and never `privileged`. */
export const agentCapabilities = [
  'CHOWN',
  'DAC_OVERRIDE',
  'DAC_READ_SEARCH',
  'FOWNER',
  'FSETID',
  'KILL',
  'NET_ADMIN',
  'NET_RAW',
  'SETGID',
  'SETUID',
  'SYS_ADMIN',
  'SYS_CHROOT',
  'SYS_NICE',
  'SYS_PTRACE',
] as const;

/** An agent ends by itself when nothing is on and nobody has asked for so long. */
const idle = '30s';
/** How often it is started again when it was killed: what was on is recovered by the next one. */
const restarts = 6;
/** However it is used: after so long it ends. What is on then is recovered by it, and by whoever put it on. */
const longestSeconds = 6 * 3600;

/** The name of the agent that is started for a while on a node: one for each node, whoever starts it. */
export const jobName = (node: string): string =>
  `zashiki-agent-${createHash('sha256').update(node).digest('hex').slice(0, 10)}`;

/**
 * A Job that runs an agent on one node and is gone by itself: when the agent has been idle, when its time is over, and
 * when whoever started it was killed. An agent that is killed with whoever started it is started again by the node.
 */
export function agentJob(node: string, image: string, namespace: string): JsonObject {
  const name = jobName(node);
  const labels = { ...agentLabels, 'zashiki.dev/lifetime': 'short' };
  const pod = agentPod(node, image, ['--exit-when-idle', idle]) as { readonly containers: readonly JsonObject[] };
  // Little, so that a full node takes it; something, so that it is not the first to be killed.
  const resources = { requests: { cpu: '10m', memory: '32Mi' } };
  const containers = pod.containers.map((container) => ({ ...container, resources }));
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name, namespace, labels },
    spec: {
      backoffLimit: restarts,
      ttlSecondsAfterFinished: 0,
      activeDeadlineSeconds: longestSeconds,
      template: {
        metadata: { labels },
        spec: { ...pod, containers, nodeName: node, restartPolicy: 'OnFailure' },
      },
    },
  };
}

/** The pod of an agent, without what decides where and how long it runs. */
export function agentPod(node: string, image: string, flags: readonly string[]): JsonObject {
  const listen = ['--listen', 'unix:/run/zashiki/agent.sock', '--state', '/var/lib/zashiki-agent', '--name', node];
  return {
    hostPID: true,
    automountServiceAccountToken: false,
    terminationGracePeriodSeconds: 30,
    tolerations: [{ operator: 'Exists' }],
    containers: [
      {
        name: 'agent',
        image,
        imagePullPolicy: 'IfNotPresent',
        // From the cgroup namespace of the machine, paths of cgroups are the machine's own.
        command: ['nsenter', '--cgroup=/proc/1/ns/cgroup', '--', 'zashiki', 'agent', ...listen, ...flags],
        securityContext: {
          runAsUser: 0,
          runAsNonRoot: false,
          capabilities: { drop: ['ALL'], add: [...agentCapabilities] },
          seccompProfile: { type: 'Unconfined' },
          appArmorProfile: { type: 'Unconfined' },
        },
        volumeMounts: [
          { name: 'cgroup', mountPath: '/host-cgroup' },
          { name: 'state', mountPath: '/var/lib/zashiki-agent' },
          { name: 'run', mountPath: '/run/zashiki' },
        ],
      },
    ],
    volumes: [
      { name: 'cgroup', hostPath: { path: '/sys/fs/cgroup', type: 'Directory' } },
      { name: 'state', hostPath: { path: '/var/lib/zashiki-agent', type: 'DirectoryOrCreate' } },
      { name: 'run', emptyDir: {} },
    ],
  };
}
