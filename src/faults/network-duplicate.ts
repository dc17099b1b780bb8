import { z } from 'zod';
import { ChanceShape } from './network/fields.ts';
import { packetFault } from './network/packet-fault.ts';
import { checkTraffic, seed, trafficShape, via } from './network/params.ts';

/** Sends some packets twice. */
export default packetFault({
  id: 'network-duplicate',
  summary: 'Send some packets twice.',
  params: z.strictObject({ ...ChanceShape, ...trafficShape, via, seed }).superRefine(checkTraffic),
  effects: ({ percent, correlation }) => ({ duplicate: { percent, correlation } }),
});
