import { z } from 'zod';
import { Percent } from './network/fields.ts';
import { packetFault } from './network/packet-fault.ts';
import { trafficShape } from './network/params.ts';

const { direction, protocol: _, ...rest } = trafficShape;

/**
 * While it is on, TCP packets are answered by a reset: connections end with an error as soon as one of their packets
 * is hit, and new ones are refused.
 */
export default packetFault({
  id: 'network-reset',
  summary: 'Reset the TCP connections of the target.',
  params: z
    .strictObject({
      percent: Percent.prefault('100%').describe('The share of packets that is answered so. Default 100%.'),
      direction: direction
        .unwrap()
        .default('both')
        .describe('Connections are reset by packets that leave the target, that come in, or both. Default both.'),
      ...rest,
    })
    .transform((given) => ({ ...given, protocol: 'tcp' as const })),
  // What a connection attempt sees of it.
  effects: ({ percent }) => ({ loss: { model: 'random', percent, correlation: 0 } }),
  verdict: ({ percent }) => ({ action: 'reset', percent }),
});
