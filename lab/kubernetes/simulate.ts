import { randomBytes } from 'node:crypto';
import type { Api } from './api.ts';

/** Nodes and pods that were added. */
export interface Simulated {
  readonly nodes: readonly string[];
  readonly pods: readonly string[];
  /** They carry the label `zashiki.dev/simulated` with this value. */
  readonly label: string;
  /** Take them all away again. */
  remove(): Promise<void>;
}

/** At how many things at a time the API server is asked to work. */
const lanes = 16;

/** Add nodes and pods to a cluster whose simulator runs; resolves when all nodes are Ready and all pods Running. */
export async function simulate(
  api: Api,
  {
    nodes,
    pods = 0,
    namespace = 'default',
  }: { readonly nodes: number; readonly pods?: number; readonly namespace?: string },
): Promise<Simulated> {
  const label = `s${randomBytes(4).toString('hex')}`;
  const labels = { 'zashiki.dev/simulated': label };
  const selector = encodeURIComponent(`zashiki.dev/simulated=${label}`);
  const nodeNames = Array.from({ length: nodes }, (_, index) => `${label}-${index}`);
  const podNames = Array.from({ length: pods }, (_, index) => `${label}-pod-${index}`);
  await inLanes(nodeNames, (name) => api.call('POST', '/api/v1/nodes', nodeOf(name, labels)));
  await inLanes(podNames, (name, index) =>
    api.call('POST', `/api/v1/namespaces/${namespace}/pods`, podOf(name, labels, nodeNames[index % nodes] ?? '')),
  );
  const of = `?labelSelector=${selector}`;
  await settled(async () => {
    const { items } = await api.call('GET', `/api/v1/nodes${of}`);
    return (
      count(items, ({ status }) =>
        status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True'),
      ) === nodes
    );
  });
  await settled(async () => {
    const { items } = await api.call('GET', `/api/v1/namespaces/${namespace}/pods${of}`);
    return count(items, ({ status }) => status?.phase === 'Running') === pods;
  });
  return {
    nodes: nodeNames,
    pods: podNames,
    label,
    async remove() {
      await api.call('DELETE', `/api/v1/namespaces/${namespace}/pods${of}`, { gracePeriodSeconds: 0 });
      await api.call('DELETE', `/api/v1/nodes${of}`);
    },
  };
}

interface Item {
  readonly status?: {
    readonly phase?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

const count = (items: readonly Item[], is: (item: Item) => boolean | undefined): number => items.filter(is).length;

const nodeOf = (name: string, labels: object) => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: {
    name,
    labels: { ...labels, 'kubernetes.io/hostname': name, 'kubernetes.io/os': 'linux', type: 'kwok' },
    annotations: { 'kwok.x-k8s.io/node': 'fake', 'node.alpha.kubernetes.io/ttl': '0' },
  },
  spec: { taints: [{ key: 'kwok.x-k8s.io/node', value: 'fake', effect: 'NoSchedule' }] },
  status: {
    allocatable: { cpu: '32', memory: '256Gi', pods: '500' },
    capacity: { cpu: '32', memory: '256Gi', pods: '500' },
  },
});

const podOf = (name: string, labels: object, nodeName: string) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, labels },
  spec: {
    nodeName,
    automountServiceAccountToken: false,
    tolerations: [{ operator: 'Exists' }],
    containers: [{ name: 'main', image: 'docker.io/zashiki-lab/busybox:1' }],
  },
});

async function inLanes<T>(things: readonly T[], work: (thing: T, index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (next < things.length) {
      const index = next++;
      await work(things[index] as T, index);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

async function settled(check: () => Promise<boolean>): Promise<void> {
  for (const end = performance.now() + 300_000; !(await check()); ) {
    if (performance.now() > end) throw new Error('the simulated nodes and pods do not come up in 300 s');
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}
