import { z } from 'zod';
import { Latency, ReorderShape } from './network/fields.ts';
import { packetFault } from './network/packet-fault.ts';
import { checkTraffic, reorderOf, seed, trafficShape, via } from './network/params.ts';

/** Holds packets up, but some not, so that these overtake the others. */
export default packetFault({
  id: 'network-reorder',
  summary: 'Let some packets overtake others.',
  params: z
    .strictObject({
      ...ReorderShape,
      latency: Latency.prefault('10ms').describe('How long the packets are held up that are overtaken. Default 10ms.'),
      ...trafficShape,
      via,
      seed,
    })
    .superRefine(checkTraffic),
  effects: (params) => ({
    delay: { latencyUs: params.latency, jitterUs: 0, correlation: 0, distribution: 'uniform' },
    reorder: reorderOf(params),
  }),
});
