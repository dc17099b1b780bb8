import type { NetnsCapability } from '../../../capabilities/netns.ts';
import type { ContainerIdentity } from '../identity.ts';
import { protectionBeside } from '../protect.ts';
import type { Runtime } from '../runtime.ts';

/** `identify` also says which other containers work in the network of this one: what is done to it is done to them. */
export function withNeighbours(
  netns: NetnsCapability,
  { id, networkOf }: ContainerIdentity,
  { helpers }: Runtime,
): NetnsCapability {
  if (!helpers) return netns;
  const ids = [id, ...(networkOf === undefined ? [] : [networkOf])];
  return {
    ...netns,
    async identify() {
      const found = await netns.identify();
      if (found.machine) return found;
      const beside = (await helpers.sharers(ids)).filter((one) => one.id !== id && !one.helper);
      if (beside.length === 0) return found;
      const protection = protectionBeside();
      const others = beside.map((one) => {
        const spared = protection(one);
        return { name: one.name, ...(spared === undefined ? {} : { spared }) };
      });
      return { ...found, others };
    },
  };
}
