import { createHash } from 'node:crypto';
import { alternatives, type PortRange, type Traffic } from '../effects.ts';

export type Family = 4 | 6;
export type Table = 'mangle' | 'security' | 'filter' | 'raw';
export type Way = 'egress' | 'ingress';

/** In the order in which they are taken: each holds one injection at a time, so four fit into a namespace. */
export const tables: readonly Table[] = ['mangle', 'security', 'filter', 'raw'];

/** Where our chain is called from. Raw has no INPUT: there, what is not for this machine is left out by a match. */
export const baseChain = (table: Table, way: Way): 'OUTPUT' | 'INPUT' | 'PREROUTING' =>
  way === 'egress' ? 'OUTPUT' : table === 'raw' ? 'PREROUTING' : 'INPUT';

/**
 * Where a chain of ours is called from, as a letter of its name. `e`, `i`: by the user-space path, see `baseChain`; the
 * others are rules of the firewall: before and after routing, in, out, and forwarded on its way in and out. `h` is called
 * by our other chains only, and holds what they do.
 */
export type Hook = 'e' | 'i' | 'p' | 'q' | 'n' | 'o' | 'f' | 'g' | 'h';

const ways: Readonly<Record<Hook, Way>> = {
  ...{ e: 'egress', q: 'egress', o: 'egress', g: 'egress' },
  ...{ i: 'ingress', p: 'ingress', n: 'ingress', f: 'ingress', h: 'ingress' },
};
const fixed: Readonly<Partial<Record<Hook, string>>> = {
  ...{ p: 'PREROUTING', q: 'POSTROUTING', n: 'INPUT', o: 'OUTPUT', f: 'FORWARD', g: 'FORWARD' },
};

/** The base chain of a hook; undefined for `h`. */
export const baseOf = (table: Table, hook: Hook): string | undefined =>
  hook === 'e' || hook === 'i' ? baseChain(table, ways[hook]) : fixed[hook];

/** The hook of the user-space path. */
export const hookOf = (way: Way): Hook => (way === 'egress' ? 'e' : 'i');

/** The order in which a packet that leaves meets them; each has a bit. */
const byPriority: readonly Table[] = ['raw', 'mangle', 'filter', 'security'];
const markBase = 0x5a534b00;

/**
 * The mark of what a helper sends by itself: it has been through this table and all before it, and through none of
 * these a second time. Else two helpers would hand a packet to each other for ever.
 */
export const markOf = (table: Table): number => markBase | (2 ** (byPriority.indexOf(table) + 1) - 1);

/** The match for such packets at this table, as `value/mask`. */
function passedMark(table: Table): string {
  const bit = 2 ** byPriority.indexOf(table);
  return `0x${(markBase | bit).toString(16)}/0x${(0xfffffff0 + bit).toString(16)}`;
}

/** Eight hex digits of the tag: names must be short. */
export const shortTag = (tag: string): string => createHash('sha256').update(tag).digest('hex').slice(0, 8);

/**
 * The name tells what of this table and of its base chain was there before, because iptables-nft makes both without
 * saying so: `ZSK-tce-1a2b3c4d`; t: the table, c: the chain, - for neither; e: the hook.
 */
export function chainName(
  tag: string,
  hook: Hook,
  before: { readonly table: boolean; readonly chain: boolean },
): string {
  return `ZSK-${before.table ? 't' : '-'}${before.chain ? 'c' : '-'}${hook}-${shortTag(tag)}`;
}

/** The inverse; undefined for a chain that is not ours. */
export function parseChainName(name: string) {
  const match = /^ZSK-([t-])([c-])([eipqnofgh])-([0-9a-f]{8})$/.exec(name);
  if (!match) return undefined;
  const hook = match[3] as Hook;
  return { short: match[4] ?? '', hook, before: { table: match[1] === 't', chain: match[2] === 'c' } };
}

/** A chain of one injection. */
export interface OwnName {
  readonly hook: Hook;
  readonly name: string;
  readonly isNew: boolean;
}

/** What one injection does to one table of one family, for iptables-restore. */
export interface RuleSet {
  readonly table: Table;
  readonly family: Family;
  readonly tag: string;
  readonly chains: readonly OwnName[];
  /** Where packets that match go: to a helper, or (rules of the chain `h`) what becomes of them. */
  readonly verdict: { readonly queue: number } | { readonly hit: readonly string[] };
  /** From then on, in UTC, all pass: `2026-11-21T07:15:00`. */
  readonly until?: string;
}

/** Text for `iptables-restore --noflush`: all of it or nothing. A chain that exists is filled anew. */
export function addRules(set: RuleSet, traffic: Traffic): string {
  const lines = set.chains.flatMap(({ hook, name, isNew }) => {
    const base = baseOf(set.table, hook);
    const rules = base ? chainRules(set, traffic, ways[hook]) : 'hit' in set.verdict ? set.verdict.hit : [];
    return [
      `:${name} - [0:0]`,
      ...rules.map((rule) => `-A ${name} ${rule}`),
      ...(isNew && base ? [`-I ${base} 1 -j ${name}`] : []),
    ];
  });
  return [`*${set.table}`, ...lines, 'COMMIT', ''].join('\n');
}

/** The same for taking them away: first from the chains of others that call them. */
export function removeRules(
  table: Table,
  chains: readonly { readonly name: string; readonly callers: readonly string[] }[],
): string {
  const own = chains.map(({ name }) => name);
  const lines = [
    ...chains.flatMap(({ name, callers }) =>
      callers.filter((caller) => !own.includes(caller)).map((caller) => `-D ${caller} -j ${name}`),
    ),
    ...own.map((name) => `-F ${name}`),
    ...own.map((name) => `-X ${name}`),
  ];
  return [`*${table}`, ...lines, 'COMMIT', ''].join('\n');
}

/** Whether any packet of this family can match. */
export const concerns = (traffic: Traffic, family: Family): boolean =>
  alternatives(traffic).some(({ peers, localPeers }) =>
    [peers, localPeers].every((ends) => !ends || ends.some((end) => familyOf(end) === family)),
  );

const familyOf = (cidr: string): Family => (cidr.includes(':') ? 6 : 4);

function chainRules(set: RuleSet, traffic: Traffic, way: Way): readonly string[] {
  const device = way === 'egress' ? '-o' : '-i';
  const queued = 'queue' in set.verdict;
  const untouched = [
    ...(set.until === undefined ? [] : [`-m time --datestart ${set.until} -j RETURN`]),
    ...(traffic.interface ? [] : [`${device} lo -j RETURN`]),
    ...(queued && set.table === 'raw' && way === 'ingress' ? ['-m addrtype ! --dst-type LOCAL -j RETURN'] : []),
    ...(queued && way === 'egress' ? [`-m mark --mark ${passedMark(set.table)} -j RETURN`] : []),
    // Neighbour discovery: what ARP is for IPv4, which never comes here either.
    ...(set.family === 6 ? [133, 134, 135, 136].map((type) => `-p icmpv6 --icmpv6-type ${type} -j RETURN`) : []),
  ];
  const hit = set.chains.find(({ hook }) => hook === 'h')?.name ?? 'RETURN';
  const verdict = [
    ...['-m', 'comment', '--comment', `"zashiki ${set.tag}"`, '-j'],
    ...('queue' in set.verdict ? ['NFQUEUE', '--queue-num', String(set.verdict.queue), '--queue-bypass'] : [hit]),
  ];
  const hits = alternatives(traffic).flatMap((one) =>
    matches(one, set.family, way).map((match) =>
      [...(one.interface ? [device, one.interface] : []), ...match, ...verdict].join(' '),
    ),
  );
  return [...untouched, ...hits];
}

/** Every combination of a peer, an address of the target, a protocol and a handful of ports at either end. */
function matches(traffic: Traffic, family: Family, way: Way): readonly (readonly string[])[] {
  const out = way === 'egress';
  const [here, there] = out ? ['--sports', '--dports'] : ['--dports', '--sports'];
  const addresses = (option: string, ends: readonly string[] | undefined) =>
    ends?.filter((end) => familyOf(end) === family).map((end) => [option, end]) ?? [[]];
  const choices: readonly (readonly (readonly string[])[])[] = [
    addresses(out ? '-d' : '-s', traffic.peers),
    addresses(out ? '-s' : '-d', traffic.localPeers),
    protocolsOf(traffic, family).map((protocol) => (protocol ? ['-p', protocol] : [])),
    portMatches(here, traffic.localPorts),
    portMatches(there, traffic.remotePorts),
  ];
  return choices.reduce<readonly (readonly string[])[]>(
    (all, next) => all.flatMap((one) => next.map((more) => [...one, ...more])),
    [[]],
  );
}

/** Ports without a protocol mean those that have ports. */
function protocolsOf({ protocol, localPorts, remotePorts }: Traffic, family: Family): readonly (string | undefined)[] {
  if (protocol === 'icmp') return [family === 6 ? 'icmpv6' : 'icmp'];
  if (protocol) return [protocol];
  return localPorts || remotePorts ? ['tcp', 'udp'] : [undefined];
}

/** One match holds 15 ports, a range counts as two. */
const rangesPerMatch = 7;

function portMatches(option: string, ranges: readonly PortRange[] | undefined): readonly string[][] {
  if (!ranges) return [[]];
  const matches: string[][] = [];
  for (let at = 0; at < ranges.length; at += rangesPerMatch) {
    const text = ranges.slice(at, at + rangesPerMatch).map(([from, to]) => (from === to ? `${from}` : `${from}:${to}`));
    matches.push(['-m', 'multiport', option, text.join(',')]);
  }
  return matches;
}
