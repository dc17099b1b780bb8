/**
 * `npm run bench:k8s`: from `kubectl apply` to the effect, and from `kubectl delete` to the recovery, both seen from outside
 * (by connections to the pod, and by the pod itself), on the cluster of lab/kubernetes; in turns with the same change made
 * by hand, by a client that does nothing else. Calls to the API server, and memory, beside.
 *
 *   npx tsx benchmarks/kubernetes.ts [rounds=20]
 *
 * Passes when no median is more than `most` times what is made by hand.
 */
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { auditedCalls } from '../lab/kubernetes/audit.ts';
import { startCluster } from '../lab/kubernetes/index.ts';
import { saying } from '../lab/vm/say.ts';
import { chaosMesh } from './kubernetes-peer.ts';
import { gone, turned } from './kubernetes-seen.ts';

const rounds = Number(process.argv[2] ?? 20);
const image = 'zashiki/zashiki:dev';
const pause = 'lab.local/pause:1';
const say = saying('bench:k8s');
const cluster = await startCluster({ name: process.env.ZASHIKI_LAB_KUBERNETES ?? 'bench', say });
const { api, kubectl } = cluster;
const ns = 'bench';
const env = { ...process.env, KUBECONFIG: cluster.kubeconfig };
const program = join(process.env.ZASHIKI_DIST ?? join(import.meta.dirname, '../dist'), 'cli/main.cjs');
const zashiki = (...argv: readonly string[]) =>
  promisify(execFile)(process.execPath, [program, ...argv], { env, maxBuffer: 1e8 });

interface Pod {
  readonly name: string;
  readonly uid: string;
  readonly ip: string;
  readonly path: string;
}

/** Milliseconds to the effect, and to the recovery where there is one. */
interface Times {
  readonly on: number;
  readonly off?: number;
}

interface Case {
  readonly name: string;
  readonly kind: string;
  readonly spec: object;
  readonly effect: (pod: Pod) => Promise<number>;
  readonly recovery?: (pod: Pod) => Promise<number>;
  /** The same by hand, until it is complete, and how it is taken back. */
  readonly byHand: (pod: Pod) => Promise<unknown>;
  readonly complete?: (pod: Pod) => Promise<void>;
  readonly back?: (pod: Pod) => Promise<unknown>;
  /** The most that ours may take of what the same takes by hand, medians held against each other. */
  readonly most: { readonly on: number; readonly off: number };
}

const selector = { labelSelectors: { app: 'web' } };
const down = ({ ip }: Pod) => turned(ip, 'down');
const up = ({ ip }: Pod) => turned(ip, 'up');
const withImage = (to: string) => async (pod: Pod) => {
  const patch = JSON.stringify([{ op: 'replace', path: '/spec/containers/0/image', value: to }]);
  await kubectl(['-n', ns, 'patch', 'pod', pod.name, '--type=json', '-p', patch]);
};
const runs = (wanted: string) => async (pod: Pod) => {
  for (;;) {
    const { status } = await api.call('GET', pod.path);
    const [now] = status.containerStatuses ?? [];
    if (now?.image.endsWith(wanted) && now.state.running) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};
const inNetns = async (pod: Pod, ...command: readonly string[]) => {
  const { pid, agent } = await placeOf(pod);
  await kubectl(['-n', 'zashiki', 'exec', agent, '--', 'nsenter', '--net', '--target', pid, ...command]);
};
const table =
  'table inet byhand { chain input { type filter hook input priority 0; policy drop; }; chain output { type filter hook output priority 0; policy drop; }; }';

const cases: readonly Case[] = [
  {
    name: 'pod-kill',
    kind: 'PodChaos',
    spec: { action: 'pod-kill', mode: 'all', selector, gracePeriod: 0 },
    effect: ({ path, uid }) => gone(api, path, uid),
    byHand: ({ name }) => kubectl(['-n', ns, 'delete', 'pod', name, '--grace-period=0', '--force', '--wait=false']),
    most: { on: 6, off: 6 },
  },
  {
    name: 'pod-failure',
    kind: 'PodChaos',
    spec: { action: 'pod-failure', mode: 'all', selector },
    effect: down,
    recovery: up,
    byHand: withImage(pause),
    complete: runs(pause),
    back: withImage('zashiki-lab/echo:1'),
    most: { on: 4, off: 4 },
  },
  {
    name: 'network-partition',
    kind: 'NetworkChaos',
    spec: { action: 'partition', mode: 'all', selector },
    effect: down,
    recovery: up,
    byHand: (pod) => inNetns(pod, 'nft', table),
    back: (pod) => inNetns(pod, 'nft', 'delete table inet byhand'),
    most: { on: 9, off: 4 },
  },
];

/** A pod of its own for each turn. */
async function podFor(): Promise<Pod> {
  const name = `web-${Math.random().toString(36).slice(2, 10)}`;
  const spec = {
    nodeName: 'n1',
    terminationGracePeriodSeconds: 0,
    containers: [{ name: 'main', image: 'zashiki-lab/echo:1' }],
  };
  await kubectl(['apply', '-f', '-'], {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: ns, labels: { app: 'web' } },
    spec,
  });
  await kubectl(['-n', ns, 'wait', '--for=condition=Ready', `pod/${name}`, '--timeout=120s']);
  const path = `/api/v1/namespaces/${ns}/pods/${name}`;
  const { metadata, status } = await api.call('GET', path);
  await turned(status.podIP, 'up');
  return { name, uid: metadata.uid, ip: status.podIP, path };
}

/** Where a pod runs: its first process as its node knows it, and the agent there. */
async function placeOf({ uid, path }: Pod): Promise<{ pid: string; agent: string }> {
  const { spec } = await api.call('GET', path);
  const label = 'labelSelector=app.kubernetes.io/component%3Dagent';
  const { items } = await api.call('GET', `/api/v1/namespaces/zashiki/pods?${label}`);
  const agent = items.find((each: { spec: { nodeName: string } }) => each.spec.nodeName === spec.nodeName).metadata
    .name;
  for (const pid of readdirSync('/proc').filter((each) => /^\d+$/.test(each))) {
    if (!read(`/proc/${pid}/cgroup`).includes(uid)) continue;
    const seen = /^NSpid:\s+\d+\s+(\d+)/m.exec(read(`/proc/${pid}/status`))?.[1];
    if (seen) return { pid: seen, agent };
  }
  throw new Error(`no process of the pod ${uid}`);
}

const read = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
};

async function ours({ name, kind, spec, effect, recovery }: Case, pod: Pod): Promise<Times> {
  const what = `${kind.toLowerCase()}/${name}`;
  const seen = effect(pod);
  const from = performance.now();
  await kubectl(['apply', '-f', '-'], {
    apiVersion: 'chaos-mesh.org/v1alpha1',
    kind,
    metadata: { name, namespace: ns },
    spec,
  });
  const on = (await seen) - from;
  await kubectl(['-n', ns, 'wait', '--for=condition=AllInjected', what, '--timeout=120s']);
  const again = recovery?.(pod);
  const back = performance.now();
  await kubectl(['-n', ns, 'delete', what, '--timeout=120s']);
  return again ? { on, off: (await again) - back } : { on };
}

async function byHand({ effect, recovery, byHand: act, complete, back }: Case, pod: Pod): Promise<Times> {
  if (act === cases[2]?.byHand) await placeOf(pod);
  const seen = effect(pod);
  const from = performance.now();
  await act(pod);
  const on = (await seen) - from;
  if (!back || !recovery) return { on };
  await complete?.(pod);
  const again = recovery(pod);
  const taken = performance.now();
  await back(pod);
  return { on, off: (await again) - taken };
}

const quantile = (values: readonly number[], of: number) =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.ceil(values.length * of) - 1)] ?? Number.NaN;
const ms = (values: readonly number[]) =>
  `p50 ${quantile(values, 0.5).toFixed(0).padStart(5)} ms  p99 ${quantile(values, 0.99).toFixed(0).padStart(5)} ms`;

function memory(isIt: (words: readonly string[], env: readonly string[]) => boolean): string {
  const found = readdirSync('/proc').filter(
    (each) =>
      /^\d+$/.test(each) &&
      isIt(read(`/proc/${each}/cmdline`).split('\0'), read(`/proc/${each}/environ`).split('\0')) &&
      read(`/proc/${each}/cgroup`).includes(`/${cluster.name}/`),
  );
  const mib = (pid: string) => Number(/VmRSS:\s+(\d+)/.exec(read(`/proc/${pid}/status`))?.[1] ?? 0) / 1024;
  return found.map((pid) => `${mib(pid).toFixed(0)} MiB`).join(', ');
}

let slow = 0;
try {
  const imported = await cluster.importOurs(image);
  await zashiki('install', 'kubernetes', '--apply', '--image', imported.name, '--pause-image', pause);
  await kubectl(['create', 'namespace', ns]);
  // All have their turn before anything is measured.
  const bothTimes = async (each: Case) => {
    const pods = [await podFor(), undefined] as Pod[];
    const mine = await ours(each, pods[0] as Pod);
    await kubectl(['-n', ns, 'delete', 'pods', '--all', '--force', '--grace-period=0']);
    const hand = await byHand(each, await podFor());
    await kubectl(['-n', ns, 'delete', 'pods', '--all', '--force', '--grace-period=0']);
    return { mine, hand };
  };
  for (const each of cases) {
    await bothTimes(each);
    const mine: Times[] = [];
    const hand: Times[] = [];
    const calls: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const from = Date.now();
      const both = await bothTimes(each);
      mine.push(both.mine);
      hand.push(both.hand);
      calls.push(
        auditedCalls(cluster.name).filter(
          ({ stageTimestamp, verb, objectRef, requestURI }) =>
            Date.parse(stageTimestamp) >= from &&
            verb !== 'watch' &&
            objectRef?.resource !== 'leases' &&
            /bench|exec/.test(requestURI),
        ).length,
      );
    }
    for (const step of ['on', 'off'] as const) {
      const [a, b] = [mine, hand].map((times) => times.flatMap((time) => time[step] ?? [])) as [number[], number[]];
      if (a.length === 0) continue;
      const ratio = quantile(a, 0.5) / quantile(b, 0.5);
      const isSlow = ratio > each.most[step];
      if (isSlow) slow++;
      const what = `${each.name}, ${step === 'on' ? 'apply to effect' : 'delete to recovery'}`;
      console.log(
        `${what.padEnd(40)}  ${ms(a)}   by hand ${ms(b)}   n ${a.length}   ratio ${ratio.toFixed(1)} (limit ${each.most[step]})  ${isSlow ? 'TOO SLOW' : 'ok'}`,
      );
    }
    console.log(
      `${`${each.name}, calls of the operator`.padEnd(40)}  p50 ${quantile(calls, 0.5)} for one pod, on and off`,
    );
  }
  console.log(`memory: operators ${memory((words) => words.includes('operator'))}`);
  console.log(`memory: agents ${memory((words) => words.includes('agent') && words.includes('--state'))}`);
  console.log(chaosMesh);
} finally {
  await zashiki('uninstall', 'kubernetes', '--image', image).catch((error: Error) => console.error(error.message));
  await kubectl(['delete', 'namespace', ns, '--ignore-not-found']).catch(() => '');
  await cluster.remove();
}
process.exit(slow === 0 ? 0 : 1);
