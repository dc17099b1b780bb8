import { z } from 'zod';
import { packetFault } from './network/packet-fault.ts';
import { checkTraffic, trafficShape, via } from './network/params.ts';

/**
 * Cuts the target off, from everybody or from some. Dropped packets vanish; on the target itself, a UDP or ping socket
 * that sends is told that it may not. Rejected ones are answered: a reset for TCP, port unreachable for the rest.
 */
export default packetFault({
  id: 'network-partition',
  summary: 'Cut the target off from everybody, or from some peers.',
  params: z
    .strictObject({
      ...trafficShape,
      direction: trafficShape.direction
        .unwrap()
        .default('both')
        .describe('Packets that leave the target, that come in, or both. Default both.'),
      action: z
        .enum(['drop', 'reject'])
        .default('drop')
        .describe('drop: packets vanish; reject: the sender is told. Default drop.'),
      via,
    })
    .superRefine((given, context) => {
      checkTraffic(given, context);
      if (given.action === 'reject' && !['auto', 'firewall'].includes(given.via)) {
        context.addIssue({ code: 'custom', path: ['via'], message: 'only the firewall can reject' });
      }
    }),
  effects: () => ({ loss: { model: 'random', percent: 100, correlation: 0 } }),
  verdict: ({ action }) => ({ action, percent: 100 }),
});
