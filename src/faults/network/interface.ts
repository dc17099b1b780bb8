import type { Netns } from '../../capabilities/netns.ts';
import { must, mustJson, readLinks } from './tools.ts';

/** What a device loses when it is set down. Plain JSON. */
export type InterfaceState = {
  readonly ifindex: number;
  /** IPv6 addresses that were set by hand: IPv4 ones stay, and those of the kernel's own come back by themselves. */
  readonly addresses: readonly string[];
  /** Routes through it but those that the kernel makes, as arguments of `ip route`. */
  readonly routes: readonly { readonly family: '-4' | '-6'; readonly route: string }[];
  /** Neighbors that were set by hand, as arguments of `ip neigh`. */
  readonly neighbors: readonly string[];
};

/** Read all that setting the device down would take away. */
export async function readInterface(ns: Netns, name: string, ifindex: number): Promise<InterfaceState> {
  return {
    ifindex,
    addresses: await staticAddresses(ns, name),
    routes: await routesOf(ns, name),
    neighbors: await permanentNeighbors(ns, name),
  };
}

/** Set it up again, and put back what is missing. Nothing that others added meanwhile is touched. */
export async function restoreInterface(ns: Netns, name: string, state: InterfaceState): Promise<void> {
  await must(ns, ['ip', 'link', 'set', 'dev', name, 'up']);
  const now = await staticAddresses(ns, name);
  for (const address of state.addresses) {
    // It was checked for duplicates when it was first set.
    if (!now.includes(address))
      await must(ns, ['ip', '-6', 'addr', 'replace', ...words(address), 'dev', name, 'nodad']);
  }
  await restoreRoutes(ns, name, state);
  const there = await permanentNeighbors(ns, name);
  for (const neighbor of state.neighbors) {
    if (!there.includes(neighbor)) await must(ns, ['ip', 'neigh', 'replace', ...words(neighbor)]);
  }
}

/** A route may need another one first, so all that are missing are tried until none can be added any more. */
async function restoreRoutes(ns: Netns, name: string, state: InterfaceState): Promise<void> {
  for (let missing = await missingRoutes(ns, name, state); missing.length > 0; ) {
    for (const { family, route } of missing) await ns.run(['ip', family, 'route', 'add', ...words(route)]);
    const left = await missingRoutes(ns, name, state);
    if (left.length >= missing.length) return;
    missing = left;
  }
}

const missingRoutes = async (
  ns: Netns,
  name: string,
  { routes }: InterfaceState,
): Promise<InterfaceState['routes']> => {
  const now = new Set((await routesOf(ns, name)).map(({ family, route }) => `${family} ${route}`));
  return routes.filter(({ family, route }) => !now.has(`${family} ${route}`));
};

/** What is not as it was, for people; empty when all is. */
export async function lostOf(ns: Netns, name: string, state: InterfaceState): Promise<readonly string[]> {
  const addresses = await staticAddresses(ns, name);
  const neighbors = await permanentNeighbors(ns, name);
  return [
    ...((await isUp(ns, state.ifindex)) ? [] : [`${name} is down`]),
    ...state.addresses.filter((one) => !addresses.includes(one)).map((one) => `the address ${one}`),
    ...(await missingRoutes(ns, name, state)).map(({ route }) => `the route ${route}`),
    ...state.neighbors.filter((one) => !neighbors.includes(one)).map((one) => `the neighbor ${one}`),
  ];
}

/** Whether a device is set up, whatever its carrier says. */
export const isUp = async (ns: Netns, ifindex: number): Promise<boolean> =>
  (await readLinks(ns)).some((link) => link.ifindex === ifindex && link.flags?.includes('UP'));

async function staticAddresses(ns: Netns, name: string): Promise<readonly string[]> {
  type Address = { local?: string; prefixlen?: number; scope?: string; dynamic?: boolean; address?: string };
  const [link] = await mustJson<{ addr_info?: readonly Address[] }>(ns, [
    'ip',
    '-6',
    '-j',
    'addr',
    'show',
    'dev',
    name,
  ]);
  return (link?.addr_info ?? [])
    .filter(({ scope, dynamic, local }) => scope !== 'link' && !dynamic && local !== undefined)
    .map(({ local, prefixlen, address }) =>
      address ? `${local} peer ${address}/${prefixlen}` : `${local}/${prefixlen}`,
    )
    .sort();
}

/** Routes through a device, of all tables, one line each: those of other devices are none of our business. */
async function routesOf(ns: Netns, name: string): Promise<InterfaceState['routes']> {
  const all: { family: '-4' | '-6'; route: string }[] = [];
  for (const family of ['-4', '-6'] as const) {
    const text = await must(ns, ['ip', '-o', '-d', family, 'route', 'show', 'table', 'all']);
    for (const line of text.split('\n')) {
      const route = plainRoute(line);
      if (route && ` ${route} `.includes(` dev ${name} `)) all.push({ family, route });
    }
  }
  return all;
}

/** A line of `ip -o -d route` as arguments for `ip route add`; '' for what the kernel makes by itself. */
export function plainRoute(line: string): string {
  const text = line.replaceAll('\\', ' ').replace(/\s+/g, ' ').trim();
  if (
    text === '' ||
    / proto (kernel|ra|redirect)\b/.test(` ${text}`) ||
    /^(local|broadcast|anycast|multicast) /.test(text)
  ) {
    return '';
  }
  // States and counts-down are no part of what was set.
  return text.replace(/ (dead|linkdown|offload|trap|notify)\b/g, '').replace(/ expires \d+sec/, '');
}

async function permanentNeighbors(ns: Netns, name: string): Promise<readonly string[]> {
  const text = await must(ns, ['ip', 'neigh', 'show', 'dev', name, 'nud', 'permanent']);
  return text
    .split('\n')
    .map((line) => /^(\S+) lladdr (\S+)/.exec(line))
    .flatMap((match) => (match ? [`${match[1]} lladdr ${match[2]} dev ${name} nud permanent`] : []))
    .sort();
}

const words = (text: string): readonly string[] => text.split(' ').filter(Boolean);
