import type { Netns } from '../../capabilities/netns.ts';
import { type Filter, neighborDiscovery, protocolOf, u32 } from './match.ts';
import { batch, must, readFilters, type TcFilter } from './tools.ts';

type Direction = 'egress' | 'ingress';

/**
 * Our filters come last, so that all others see every packet before it is diverted: behind the device of ours it comes
 * back past the filters. A filter that ends the search hides its packets from us.
 */
const firstPref = 65_400;
const lastPref = 65_498;
/** A class that nobody has: by it we know the filters of ours that let pass. */
const passing = 'ffff:7a73';
/** How tc names a device that is gone. */
const gone = '*';

/** Where a filter leads. */
export const leadsTo = ({ options }: TcFilter): readonly string[] =>
  options?.actions?.flatMap(({ to_dev }) => to_dev ?? []) ?? [];

const isOurName = (name: string) => /^zsk[0-9a-f]{4}[ei]/.test(name);

/** Whether a filter is one of ours: it leads to a device of ours, or to one that is gone, or lets pass in our way. */
export function isOurs(filter: TcFilter): boolean {
  const { pref, kind, options } = filter;
  const to = leadsTo(filter);
  if (to.some(isOurName)) return true;
  if (kind !== 'u32' || pref < firstPref || pref > lastPref) return false;
  return to.length > 0 ? to.every((name) => name === gone) : options?.flowid === passing;
}

/** Divert what matches to a device of ours, by filters in front of nobody. Neighbor discovery goes its own way. */
export async function divert(
  ns: Netns,
  device: string,
  direction: Direction,
  filters: readonly Filter[],
  to: string,
): Promise<void> {
  const taken = new Set((await readFilters(ns, device, direction)).map(({ pref }) => pref));
  let pref = firstPref;
  while (taken.has(pref) || taken.has(pref + 1)) pref += 2;
  // One preference for each protocol: tc refuses two protocols under one.
  const add = ({ family, ...filter }: Filter, rest: string) =>
    `filter add dev ${device} ${direction} protocol ${protocolOf(family)} pref ${family === 4 ? pref : pref + 1} ` +
    `u32 ${u32({ family, ...filter })} ${rest}`;
  const six = filters.some(({ family }) => family === 6);
  await batch(ns, 'tc', [
    ...(six ? neighborDiscovery.map((filter) => add(filter, `flowid ${passing}`)) : []),
    ...filters.map((filter) => add(filter, `action mirred egress redirect dev ${to}`)),
  ]);
}

/** How many filters lead to a device. */
export const countLeading = async (ns: Netns, device: string, direction: Direction, to: string): Promise<number> =>
  (await readFilters(ns, device, direction)).filter((filter) => leadsTo(filter).includes(to)).length;

/** Remove the filters that lead to a device of ours. */
export async function stopDiverting(ns: Netns, device: string, direction: Direction, to: string): Promise<void> {
  await removeGroups(ns, device, direction, (group) => group.some((filter) => leadsTo(filter).includes(to)));
}

/** Remove filters of ours that lead to a device that is gone, or nowhere yet. */
export async function removeDead(ns: Netns, device: string, direction: Direction): Promise<void> {
  await removeGroups(ns, device, direction, (group) =>
    group.every((filter) => isOurs(filter) && leadsTo(filter).every((name) => name === gone)),
  );
}

/** All filters of one preference are one group: made, and removed, at once. */
async function removeGroups(
  ns: Netns,
  device: string,
  direction: Direction,
  which: (group: readonly TcFilter[]) => boolean,
): Promise<void> {
  const groups = new Map<string, TcFilter[]>();
  for (const filter of await readFilters(ns, device, direction)) {
    const key = `protocol ${filter.protocol} pref ${filter.pref}`;
    groups.set(key, [...(groups.get(key) ?? []), filter]);
  }
  for (const [key, group] of groups) {
    if (which(group)) await must(ns, ['tc', 'filter', 'del', 'dev', device, direction, ...key.split(' ')]);
  }
}
