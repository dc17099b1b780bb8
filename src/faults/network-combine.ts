import { z } from 'zod';
import { ChanceShape, DelayShape, RateShape, ReorderShape } from './network/fields.ts';
import { packetFault } from './network/packet-fault.ts';
import {
  checkLoss,
  checkTraffic,
  delayOf,
  lossOf,
  lossShape,
  rateOf,
  reorderOf,
  seed,
  trafficShape,
  via,
} from './network/params.ts';

/** Several effects on the same packets at once, as one netem qdisc does them. */
export default packetFault({
  id: 'network-combine',
  summary: 'Delay, lose, duplicate, corrupt, reorder and slow down the same packets, all at once.',
  params: z
    .strictObject({
      delay: z.strictObject(DelayShape).optional().describe('As network-delay.'),
      reorder: z.strictObject(ReorderShape).optional().describe('As network-reorder; needs a delay.'),
      loss: z.strictObject(lossShape).superRefine(checkLoss).optional().describe('As network-loss.'),
      duplicate: z.strictObject(ChanceShape).optional().describe('As network-duplicate.'),
      corrupt: z.strictObject(ChanceShape).optional().describe('As network-corrupt.'),
      rate: z.strictObject(RateShape).optional().describe('As network-rate.'),
      ...trafficShape,
      via,
      seed,
    })
    .superRefine((given, context) => {
      checkTraffic(given, context);
      const { delay, reorder, loss, duplicate, corrupt, rate } = given;
      const lacks = (message: string) => context.addIssue({ code: 'custom', message });
      if (![delay, reorder, loss, duplicate, corrupt, rate].some(Boolean)) {
        lacks('give at least one of delay, reorder, loss, duplicate, corrupt and rate');
      }
      if (reorder && !delay) lacks('reorder needs a delay: what is not held up overtakes what is');
    }),
  effects: ({ delay, reorder, loss, duplicate, corrupt, rate }) => ({
    ...(delay ? { delay: delayOf(delay) } : {}),
    ...(reorder ? { reorder: reorderOf(reorder) } : {}),
    ...(loss ? { loss: lossOf(loss) } : {}),
    ...(duplicate ? { duplicate } : {}),
    ...(corrupt ? { corrupt } : {}),
    ...(rate ? { rate: rateOf(rate) } : {}),
  }),
});
