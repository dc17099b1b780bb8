import { z } from 'zod';
import { ChanceShape } from './network/fields.ts';
import { packetFault } from './network/packet-fault.ts';
import { checkTraffic, seed, trafficShape, via } from './network/params.ts';

/** Flips one bit in some packets. */
export default packetFault({
  id: 'network-corrupt',
  summary: 'Flip one bit in some packets.',
  params: z.strictObject({ ...ChanceShape, ...trafficShape, via, seed }).superRefine(checkTraffic),
  effects: ({ percent, correlation }) => ({ corrupt: { percent, correlation } }),
});
