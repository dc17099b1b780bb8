import { z } from 'zod';
import { DelayShape, ReorderShape } from './network/fields.ts';
import { packetFault } from './network/packet-fault.ts';
import { checkTraffic, delayOf, reorderOf, seed, trafficShape, via } from './network/params.ts';

/** Holds packets up on their way, all alike or by chance; some may overtake others. */
export default packetFault({
  id: 'network-delay',
  summary: 'Delay packets on their way, with jitter and reordering.',
  params: z
    .strictObject({
      ...DelayShape,
      reorder: z
        .strictObject(ReorderShape)
        .optional()
        .describe('Some packets are not held up, and so overtake others.'),
      ...trafficShape,
      via,
      seed,
    })
    .superRefine(checkTraffic),
  effects: (params) => ({ delay: delayOf(params), ...(params.reorder ? { reorder: reorderOf(params.reorder) } : {}) }),
});
