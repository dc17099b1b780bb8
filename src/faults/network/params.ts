import { z } from 'zod';
import type { FaultContext } from '../../core/ports.ts';
import { formatNetwork, parseNetwork, resolvePeers, tidyNetworks } from './addresses.ts';
import type { Effects, Loss, Rate, Traffic } from './effects.ts';
import type { DelayShape, RateShape } from './fields.ts';
import { Address, Device, PeerField, Percent, Ports } from './fields.ts';

/** Which packets: the parameters that all network faults have in common. */
export const trafficShape = {
  direction: z
    .enum(['egress', 'ingress', 'both'])
    .default('egress')
    .describe('Packets that leave the target, that come in, or both. Default egress.'),
  interface: Device.optional().describe('Only this network device. Default: all that are up, but lo.'),
  peers: z
    .array(PeerField)
    .min(1)
    .optional()
    .describe(
      'Only to and from these: addresses, networks, host names, or a selector such as { docker: { name: db } }.',
    ),
  localAddresses: z
    .array(Address)
    .min(1)
    .optional()
    .describe('Only to and from these addresses or networks at the end of the target, when it has several.'),
  protocol: z.enum(['tcp', 'udp', 'icmp']).optional().describe('Only this protocol. Default: all.'),
  localPorts: Ports.optional().describe('Only these ports at the end of the target, such as 80 or 8000-8100.'),
  remotePorts: Ports.optional().describe('Only these ports at the end of the peer.'),
  match: z
    .enum(['all', 'any'])
    .default('all')
    .describe(
      'Whether a packet must match all of peers, addresses and ports that are given, or any of them. Default all.',
    ),
  probePeer: z
    .string()
    .regex(/^[^\s"-][^\s"]*$/, 'not an address, nor address:port')
    .optional()
    .describe('Who is asked to measure the effect: an address, or address:port for TCP. Default: a peer, the gateway.'),
};

/** How it is done, for faults that can be done in several ways. */
export const via = z
  .enum(['auto', 'netem', 'tbf', 'firewall', 'user-space'])
  .default('auto')
  .describe('How it is done. Default: the first way that this kernel offers.');

/** The seed of what happens at random, where the way has one: netem by iproute2 6.6 or later, and user space. */
export const seed = z
  .int()
  .min(0)
  .max(0xffffffff)
  .optional()
  .describe('Makes what happens at random the same again, where the kernel can. Default: drawn from the run.');

/** The common parameters, parsed. */
export type TrafficParams = z.output<z.ZodObject<typeof trafficShape>>;

/** For `superRefine`: parameters that exclude each other. */
export function checkTraffic(
  { protocol, localPorts, remotePorts }: TrafficParams,
  context: z.core.$RefinementCtx,
): void {
  if (protocol !== 'icmp' || !(localPorts ?? remotePorts)) return;
  context.addIssue({ code: 'custom', path: ['protocol'], message: 'icmp has no ports: leave out the ports, or this' });
}

/** The packets meant, with all peers resolved. */
export async function trafficOf(params: TrafficParams, context: Pick<FaultContext, 'addressesOf'>): Promise<Traffic> {
  const { direction, interface: device, peers, localAddresses, protocol, localPorts, remotePorts, match } = params;
  const local = localAddresses?.flatMap((address) => parseNetwork(address) ?? []);
  return {
    direction,
    ...(device === undefined ? {} : { interface: device }),
    ...(peers === undefined ? {} : { peers: await resolvePeers(peers, context) }),
    ...(local === undefined ? {} : { localPeers: tidyNetworks(local).map(formatNetwork) }),
    ...(protocol === undefined ? {} : { protocol }),
    ...(localPorts === undefined ? {} : { localPorts }),
    ...(remotePorts === undefined ? {} : { remotePorts }),
    ...(match === 'all' ? {} : { match }),
  };
}

/** A delay as effects write it. */
export function delayOf(given: z.output<z.ZodObject<typeof DelayShape>>): NonNullable<Effects['delay']> {
  const { latency, jitter, correlation, distribution } = given;
  return { latencyUs: latency, jitterUs: jitter, correlation, distribution };
}

/** A rate as effects write it. */
export function rateOf(given: z.output<z.ZodObject<typeof RateShape>>): Rate {
  const { rate, packetOverhead, cellSize, cellOverhead, burst, limit } = given;
  return {
    ...{ bitsPerSecond: rate, packetOverhead, cellSize, cellOverhead },
    ...(burst === undefined ? {} : { burst }),
    ...(limit === undefined ? {} : { limit }),
  };
}

/** A chance, and the gap of a reorder, as effects write them. */
export function reorderOf(given: { percent: number; correlation: number; gap?: number | undefined }) {
  const { percent, correlation, gap } = given;
  return { percent, correlation, ...(gap === undefined ? {} : { gap }) };
}

const Percentage = (text: string, fallback: number) =>
  Percent.prefault(`${fallback}%`).describe(`${text} Default ${fallback}%.`);

/** The loss models, in the words of netem. */
export const lossShape = {
  model: z
    .enum(['random', 'state', 'gemodel', 'nth'])
    .default('random')
    .describe('Independent losses, a chain of four states, Gilbert-Elliott, or every n-th packet. Default random.'),
  percent: Percent.optional().describe('random: the share of packets that is lost, such as 30% or 0.001%.'),
  correlation: Percentage('random: how much a packet takes after the one before.', 0),
  p13: Percentage('state: from good reception to burst losses.', 0),
  p31: Percentage('state: from burst losses back to good reception.', 100),
  p32: Percentage('state: from burst losses to reception within a burst.', 0),
  p23: Percentage('state: from reception within a burst to burst losses.', 100),
  p14: Percentage('state: from good reception to one lost packet.', 0),
  pg: Percentage('gemodel: from good to bad.', 0),
  pb: Percentage('gemodel: from bad to good.', 100),
  oneH: Percentage('gemodel: loss in the bad state.', 100),
  oneK: Percentage('gemodel: loss in the good state.', 0),
  every: z.int().min(1).max(1e9).optional().describe('nth: one packet of every so many is lost.'),
  packet: z.int().min(0).default(0).describe('nth: which one of them, counted from 0. Default 0.'),
};

type LossGiven = z.output<z.ZodObject<typeof lossShape>>;

/** For `superRefine`: each model has what it needs. */
export function checkLoss({ model, percent, every, packet }: LossGiven, context: z.core.$RefinementCtx): void {
  const lacks = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message });
  if (model === 'random' && percent === undefined) lacks('percent', 'give the share that is lost, like percent: 30%');
  if (model !== 'nth') return;
  if (every === undefined) lacks('every', 'give every how many packets one is lost, like every: 4');
  else if (packet >= every) lacks('packet', `of every ${every} packets the last one has number ${every - 1}`);
}

/** A loss as effects write it. */
export function lossOf(given: LossGiven): Loss {
  const { model, percent = 0, correlation, p13, p31, p32, p23, p14, pg, pb, oneH, oneK, every = 1, packet } = given;
  switch (model) {
    case 'state':
      return { model, p13, p31, p32, p23, p14 };
    case 'gemodel':
      return { model, pg, pb, oneH, oneK };
    case 'random':
      return { model, percent, correlation };
    case 'nth':
      return { model, every, packet };
  }
}
