import { z } from 'zod';
import { RateShape } from './network/fields.ts';
import { packetFault } from './network/packet-fault.ts';
import { checkTraffic, rateOf, seed, trafficShape, via } from './network/params.ts';

/** Lets only so many bits pass in a second; what is more waits, and is lost when too much waits. */
export default packetFault({
  id: 'network-rate',
  summary: 'Let only so many bits a second pass.',
  params: z.strictObject({ ...RateShape, ...trafficShape, via, seed }).superRefine(checkTraffic),
  effects: (params) => ({ rate: rateOf(params) }),
});
