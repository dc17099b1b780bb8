import type { JsonObject } from '../../src/core/model.ts';
import type { Rng } from '../../src/core/ports.ts';
import { makeWire, wireMissing } from '../fixtures/network.ts';
import type { Specimen } from './specimens.ts';

/** Parameters that make each fault on packets quick, by every way that this kernel has. */
const recipes: Readonly<Record<string, (rng: Rng) => JsonObject>> = {
  'network-combine': () => ({ delay: { latency: '5ms' }, loss: { percent: '10%' } }),
  'network-corrupt': () => ({ percent: '10%', direction: 'ingress' }),
  'network-delay': (rng) => ({ latency: '5ms', direction: ['egress', 'ingress', 'both'][rng.below(3)] ?? 'both' }),
  'network-down': () => ({ interface: 'eth0' }),
  'network-duplicate': () => ({ percent: '10%' }),
  'network-loss': (rng) => ({ percent: '10%', ...(rng.below(2) === 0 ? { peers: ['10.77.0.1', 'fd77::1'] } : {}) }),
  'network-partition': (rng) => ({ action: rng.below(2) === 0 ? 'drop' : 'reject' }),
  'network-rate': (rng) => ({ rate: '10mbit', ...(rng.below(2) === 0 ? { via: 'tbf', direction: 'both' } : {}) }),
  'network-reorder': () => ({ percent: '10%', latency: '5ms' }),
  'network-reset': () => ({ remotePorts: [80] }),
};

/** Why none of them can be tested here, or null. */
export const networksMissing = wireMissing();

/** Faults that have a recipe for a namespace of their own. */
export const networkFaults: readonly string[] = Object.keys(recipes);

/** A process in a network namespace of its own, with qdiscs and rules of somebody else. */
export async function makeNetworkSpecimen(fault: string, rng: Rng): Promise<Specimen> {
  const params = recipes[fault]?.(rng);
  if (!params) throw new Error(`no network specimen for the fault ${fault}: add it to test/crash/networks.ts`);
  const wire = await makeWire();
  if (rng.below(2) === 0) {
    wire.run('tc qdisc add dev eth0 clsact'.split(' '));
    wire.run('tc filter add dev eth0 egress protocol ip pref 5 u32 match u32 0 0 at 0 flowid ffff:1'.split(' '));
    wire.run('nft add table inet theirs'.split(' '));
  }
  const duration = rng.below(2) === 0 ? { duration: 30 + rng.below(60) } : {};
  return {
    fault,
    step: {
      ...{ kind: 'fault', fault, mode: 'one', resolve: 'plan', params, ...duration },
      target: { platform: 'host', selector: { pid: wire.pid } },
    },
    snapshot: async () => wire.snapshot().split('\n'),
    end: () => wire.end(),
  };
}
