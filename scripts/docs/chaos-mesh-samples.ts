import type { Kind } from '../../src/compat/chaos-mesh/kind.ts';
import { unsupportedKinds } from '../../src/compat/chaos-mesh/kinds/unsupported.ts';

export type Spec = Readonly<Record<string, unknown>>;

const pods = { mode: 'all', selector: { namespaces: ['shop'] } };
const io = { volumePath: '/data' };

/** One sound `spec` for each action of each kind; a kind without actions has one. */
const samples: Readonly<Record<string, Readonly<Record<string, Spec>>>> = {
  PodChaos: { 'pod-kill': {}, 'pod-failure': {}, 'container-kill': { containerNames: ['app'] } },
  NetworkChaos: {
    netem: { delay: { latency: '1ms' }, loss: { loss: '1' } },
    delay: { delay: { latency: '1ms' } },
    loss: { loss: { loss: '1' } },
    duplicate: { duplicate: { duplicate: '1' } },
    corrupt: { corrupt: { corrupt: '1' } },
    partition: {},
    bandwidth: { bandwidth: { rate: '1mbps', limit: 20971520, buffer: 10000 } },
  },
  StressChaos: {
    'stressors.cpu': { stressors: { cpu: { workers: 1 } } },
    'stressors.memory': { stressors: { memory: { workers: 1, size: '256MB' } } },
    stressngStressors: { stressngStressors: '--cpu 1' },
  },
  IOChaos: {
    latency: { ...io, delay: '1ms' },
    fault: { ...io, errno: 5 },
    attrOverride: { ...io, attr: { perm: 72 } },
    mistake: { ...io, mistake: { maxOccurrences: 1, maxLength: 1 } },
  },
  TimeChaos: { '': { timeOffset: '-1h' } },
  DNSChaos: { error: {}, random: {} },
  HTTPChaos: { '': { target: 'Request', port: 80, abort: true } },
};

/** Actions of the kinds that are known by name alone, as Chaos Mesh 2.8 has them. */
const actionsOfOthers: Readonly<Record<string, readonly string[]>> = {
  KernelChaos: [''],
  JVMChaos: ['latency', 'return', 'exception', 'stress', 'gc', 'ruleData', 'mysql'],
  BlockChaos: ['delay'],
  PhysicalMachineChaos: [
    ...['stress-cpu', 'stress-mem', 'disk-read-payload', 'disk-write-payload', 'disk-fill', 'network-corrupt'],
    ...['network-duplicate', 'network-loss', 'network-delay', 'network-partition', 'network-dns', 'network-bandwidth'],
    ...[
      'network-flood',
      'network-down',
      'process',
      'jvm-exception',
      'jvm-gc',
      'jvm-latency',
      'jvm-return',
      'jvm-stress',
    ],
    ...['jvm-rule-data', 'jvm-mysql', 'clock', 'redis-expiration', 'redis-penetration', 'redis-cacheLimit'],
    ...['redis-restart', 'redis-stop', 'kafka-fill', 'kafka-flood', 'kafka-io', 'file-create', 'file-modify'],
    ...['file-delete', 'file-rename', 'file-append', 'file-replace', 'vm', 'user_defined'],
  ],
  AWSChaos: ['ec2-stop', 'ec2-restart', 'detach-volume'],
  GCPChaos: ['node-stop', 'node-reset', 'disk-loss'],
  AzureChaos: ['vm-stop', 'vm-restart', 'disk-detach'],
};

/** The block inside Schedule and Workflow. */
const blocksOfOthers: Readonly<Record<string, string>> = {
  KernelChaos: 'kernelChaos',
  JVMChaos: 'jvmChaos',
  BlockChaos: 'blockChaos',
  PhysicalMachineChaos: 'physicalmachineChaos',
  AWSChaos: 'awsChaos',
  GCPChaos: 'gcpChaos',
  AzureChaos: 'azureChaos',
};

/** A kind with one of its actions, and a sound `spec` of it. */
export interface Sample {
  readonly kind: string;
  readonly action: string;
  readonly block: string;
  readonly spec: Spec;
}

export const actionOf = ({ spec }: Kind): readonly string[] =>
  'action' in spec.shape ? ((spec.shape.action as { options?: readonly string[] }).options ?? []) : [];

/** One for each action of these kinds. Throws where the schema knows an action that has no sample here. */
export function samplesOf(kinds: readonly Kind[]): readonly Sample[] {
  return kinds.flatMap((kind) => {
    const own = samples[kind.kind] ?? {};
    const missing = actionOf(kind).filter((action) => !own[action]);
    if (missing.length > 0 || Object.keys(own).length === 0) {
      throw new Error(`scripts/docs/chaos-mesh-samples.ts has no sample of ${kind.kind} ${missing.join(', ')}`);
    }
    return Object.entries(own).map(([action, spec]) => ({
      kind: kind.kind,
      action,
      block: kind.block ?? '',
      spec: { ...(actionOf(kind).length > 0 ? { action } : {}), ...pods, ...spec },
    }));
  });
}

/** The same for the kinds that are known by name alone. */
export function samplesOfOthers(): readonly Sample[] {
  const experiments = Object.keys(unsupportedKinds).filter((kind) => kind in blocksOfOthers);
  return experiments.flatMap((kind) =>
    (actionsOfOthers[kind] ?? []).map((action) => ({
      kind,
      action,
      block: blocksOfOthers[kind] ?? '',
      spec: { ...(action ? { action } : {}), ...pods },
    })),
  );
}
