import type { FaultContext } from './ports.ts';

/** The part of a fault's context that is about others, where there are none: in tests of a single fault. */
export const alone: Pick<FaultContext, 'owner' | 'siblings' | 'addressesOf'> = {
  owner: 'alone',
  siblings: () => [],
  addressesOf: async () => [],
};
