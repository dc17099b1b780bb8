import { z } from 'zod';
import { packetFault } from './network/packet-fault.ts';
import { checkLoss, checkTraffic, lossOf, lossShape, seed, trafficShape, via } from './network/params.ts';

/** Loses packets: independently, in bursts, or every n-th one. */
export default packetFault({
  id: 'network-loss',
  summary: 'Lose packets: at random, in bursts, or every n-th one.',
  params: z.strictObject({ ...lossShape, ...trafficShape, via, seed }).superRefine((given, context) => {
    checkLoss(given, context);
    checkTraffic(given, context);
  }),
  effects: (params) => ({ loss: lossOf(params) }),
});
