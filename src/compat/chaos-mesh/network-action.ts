import type { JsonObject } from '../../core/model.ts';
import type { NetworkChaos } from './document.ts';
import { effects } from './kinds/network-chaos.ts';

type Spec = NetworkChaos['spec'];

/** Less than a packet must not wait. */
const leastLimit = 1600;

/** Fault and parameters of an action, all but which packets. */
export function networkAction(spec: Spec): { readonly fault: string; readonly params: JsonObject } {
  if (spec.action === 'partition') return { fault: 'network-partition', params: {} };
  if (spec.action === 'bandwidth') return { fault: 'network-rate', params: bandwidthOf(spec.bandwidth) };
  const wanted = spec.action === 'netem' ? effects.filter((effect) => spec[effect] !== undefined) : [spec.action];
  const [only] = wanted;
  if (only !== undefined && wanted.length === 1) return { fault: `network-${only}`, params: effectOf(spec, only) };
  return { fault: 'network-combine', params: Object.fromEntries(wanted.map((each) => [each, effectOf(spec, each)])) };
}

function effectOf(spec: Spec, effect: (typeof effects)[number]): JsonObject {
  switch (effect) {
    case 'delay':
      return spec.delay ? delayOf(spec.delay) : {};
    case 'loss':
      return spec.loss ? chance(spec.loss.loss, spec.loss.correlation) : {};
    case 'duplicate':
      return spec.duplicate ? chance(spec.duplicate.duplicate, spec.duplicate.correlation) : {};
    case 'corrupt':
      return spec.corrupt ? chance(spec.corrupt.corrupt, spec.corrupt.correlation) : {};
    case 'rate':
      return { rate: (spec.rate?.rate ?? '').replace(/\s/g, '') };
  }
}

const chance = (percent: string, correlation: string): JsonObject => ({
  percent: `${percent}%`,
  correlation: `${correlation}%`,
});

function delayOf({ latency, jitter, correlation, reorder }: NonNullable<Spec['delay']>): JsonObject {
  const { gap = 0 } = reorder ?? {};
  return {
    latency,
    jitter,
    correlation: `${correlation}%`,
    ...(reorder ? { reorder: { ...chance(reorder.reorder, reorder.correlation), ...(gap > 0 ? { gap } : {}) } } : {}),
  };
}

function bandwidthOf(bandwidth: Spec['bandwidth']): JsonObject {
  if (!bandwidth) return {};
  const { rate, limit, buffer } = bandwidth;
  return {
    rate: rate.replace(/\s/g, ''),
    limit: Math.min(2e9, Math.max(leastLimit, limit)),
    burst: Math.min(1e9, buffer),
  };
}
