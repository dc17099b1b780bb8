import { ZashikiError } from '../../core/errors.ts';
import { type Network, parseNetwork } from './addresses.ts';
import { alternatives, type PortRange, type Traffic } from './effects.ts';

/** One comparison of a 32-bit word of the packet, counted from its IP header: (word & mask) == value. */
export type Key = { readonly at: number; readonly value: number; readonly mask: number };

/** A packet of this family of which all words compare equal. */
export type Filter = { readonly family: 4 | 6; readonly keys: readonly Key[] };

/** More filters than this on one device are refused: every packet is held against all of them. */
const most = 2000;

/** The packets of neighbor discovery (ICMPv6 133 to 137), which always pass: without them IPv6 falls silent. */
export const neighborDiscovery: readonly Filter[] = [
  [0x85, 0xff],
  [0x86, 0xfe],
  [0x88, 0xfe],
].map(([type = 0, mask = 0]) => ({
  family: 6,
  keys: [nextHeader(58), word(40, (type << 24) >>> 0, (mask << 24) >>> 0)],
}));

/** All IP traffic. */
export const everything: readonly Filter[] = [
  { family: 4, keys: [] },
  { family: 6, keys: [] },
];

/**
 * Traffic in one direction as filters of which any may match; null: all IP packets. A port is looked for behind a plain
 * header: fragments after the first, IPv4 options and IPv6 extension headers do not match. Throws `not-supported` when
 * it takes more than 2000 of them.
 */
export function filtersOf(traffic: Traffic, direction: 'egress' | 'ingress'): readonly Filter[] | null {
  const { peers, localPeers, protocol, localPorts, remotePorts } = traffic;
  if (!peers && !localPeers && !protocol && !localPorts && !remotePorts) return null;
  const all = alternatives(traffic);
  const count = all.reduce((sum, one) => sum + countOf(one), 0);
  if (count > most) {
    throw new ZashikiError('not-supported', `it takes ${count} filters, and at most ${most} are set`, {
      hint: 'give fewer addresses, or port ranges that begin and end at powers of two',
    });
  }
  return all.flatMap((one) => allOf(one, direction));
}

const families = [4, 6] as const;

/** The networks of one family; where none are given, one that stands for any address. */
const ofFamily = (networks: readonly string[] | undefined, family: 4 | 6): readonly (Network | undefined)[] =>
  networks ? networks.map(networkOf).filter((network) => network.family === family) : [undefined];

function countOf({ peers, localPeers, protocol, localPorts, remotePorts }: Traffic): number {
  const ports = blocks(localPorts).length * blocks(remotePorts).length;
  const ends = families.map((family) => ofFamily(peers, family).length * ofFamily(localPeers, family).length);
  return ends.reduce((sum, one) => sum + one, 0) * ports * (protocol || ports === 1 ? 1 : 2);
}

function allOf(traffic: Traffic, direction: 'egress' | 'ingress'): Filter[] {
  const { peers, localPeers, protocol, localPorts, remotePorts } = traffic;
  const out = direction === 'egress';
  const ports = localPorts !== undefined || remotePorts !== undefined;
  const protocols = protocol ? [protocol] : ports ? (['tcp', 'udp'] as const) : [undefined];
  const [sources, destinations] = out ? [localPorts, remotePorts] : [remotePorts, localPorts];
  const filters: Filter[] = [];
  for (const family of families) {
    const locals = ofFamily(localPeers, family);
    const ends = ofFamily(peers, family).flatMap((peer) => locals.map((local) => ({ peer, local })));
    for (const { peer, local } of ends) {
      for (const name of protocols) {
        for (const source of blocks(sources)) {
          for (const destination of blocks(destinations)) {
            const keys = [
              ...(peer ? addressKeys(peer, out) : []),
              ...(local ? addressKeys(local, !out) : []),
              ...(name ? [protocolKey(family, name)] : []),
              ...(ports ? portKeys(family, source, destination) : []),
            ];
            filters.push({ family, keys: merged(keys) });
          }
        }
      }
    }
  }
  return filters;
}

function networkOf(text: string): Network {
  const network = parseNetwork(text);
  if (!network) throw new ZashikiError('internal', `${text} is not a network`);
  return network;
}

function word(at: number, value: number, mask: number): Key {
  return { at, value, mask };
}

function nextHeader(protocol: number): Key {
  return word(4, protocol << 8, 0xff00);
}

function protocolKey(family: 4 | 6, name: 'tcp' | 'udp' | 'icmp'): Key {
  const number = { tcp: 6, udp: 17, icmp: family === 4 ? 1 : 58 }[name];
  return family === 4 ? word(8, number << 16, 0xff0000) : nextHeader(number);
}

function addressKeys({ family, address, bits }: Network, destination: boolean): Key[] {
  const [words, from] = family === 4 ? [1, destination ? 16 : 12] : [4, destination ? 24 : 8];
  return Array.from({ length: words }, (_, i) => {
    const left = Math.max(0, Math.min(32, bits - 32 * i));
    const mask = left === 0 ? 0 : (0xffffffff << (32 - left)) >>> 0;
    return word(from + 4 * i, Number((address >> BigInt(32 * (words - 1 - i))) & 0xffffffffn), mask);
  }).filter(({ mask }) => mask !== 0);
}

type Block = { readonly value: number; readonly mask: number };

function portKeys(family: 4 | 6, source: Block, destination: Block): Key[] {
  const value = ((source.value << 16) | destination.value) >>> 0;
  const ports = word(family === 4 ? 20 : 40, value, ((source.mask << 16) | destination.mask) >>> 0);
  // A header of five words, and not a later fragment.
  return family === 4 ? [word(0, 0x05000000, 0x0f000000), word(4, 0, 0x1fff), ports] : [ports];
}

/** Ranges of ports as blocks of a power of two, each one value under one mask; any port when there are none. */
export function blocks(ranges: readonly PortRange[] | undefined): readonly Block[] {
  if (!ranges) return [{ value: 0, mask: 0 }];
  return ranges.flatMap(([from, to]) => {
    const found: Block[] = [];
    for (let at = from; at <= to; ) {
      let size = at === 0 ? 0x10000 : at & -at;
      while (at + size - 1 > to) size /= 2;
      found.push({ value: at, mask: 0x10000 - size });
      at += size;
    }
    return found;
  });
}

/** Keys on the same word made one. */
function merged(keys: readonly Key[]): readonly Key[] {
  const words = new Map<number, Key>();
  for (const { at, value, mask } of keys) {
    const known = words.get(at) ?? word(at, 0, 0);
    words.set(at, word(at, (known.value | value) >>> 0, (known.mask | mask) >>> 0));
  }
  return [...words.values()].filter(({ mask }) => mask !== 0);
}

/** A filter as arguments of tc's u32 classifier. */
export function u32(filter: Filter): string {
  const keys = filter.keys.length > 0 ? filter.keys : [word(0, 0, 0)];
  return keys
    .map(({ at, value, mask }) => `match u32 0x${value.toString(16)} 0x${mask.toString(16)} at ${at}`)
    .join(' ');
}

/** The name of a family in tc. */
export const protocolOf = (family: 4 | 6): 'ip' | 'ipv6' => (family === 4 ? 'ip' : 'ipv6');
