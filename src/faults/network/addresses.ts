import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { ZashikiError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/model.ts';
import type { FaultContext } from '../../core/ports.ts';

/** A network: the address as a number, and how many of its leading bits count. */
export type Network = { readonly family: 4 | 6; readonly address: bigint; readonly bits: number };

/** `10.0.0.0/8`, `fd00::1`; undefined when it is neither an address nor CIDR. Bits behind the prefix are cleared. */
export function parseNetwork(text: string): Network | undefined {
  const [host = '', prefix, ...rest] = text.split('/');
  const family = isIP(host);
  if ((family !== 4 && family !== 6) || rest.length > 0 || host.includes('%')) return undefined;
  const width = family === 4 ? 32 : 128;
  if (prefix !== undefined && !/^\d{1,3}$/.test(prefix)) return undefined;
  const bits = prefix === undefined ? width : Number(prefix);
  if (bits > width) return undefined;
  const address = family === 4 ? number4(host) : number6(host);
  const spare = BigInt(width - bits);
  return { family, address: (address >> spare) << spare, bits };
}

/** The canonical text: lower case, always with the prefix. */
export function formatNetwork({ family, address, bits }: Network): string {
  if (family === 4) return `${[24n, 16n, 8n, 0n].map((by) => (address >> by) & 255n).join('.')}/${bits}`;
  const groups = Array.from({ length: 8 }, (_, i) => ((address >> BigInt(112 - 16 * i)) & 0xffffn).toString(16));
  return `${groups.join(':')}/${bits}`;
}

function number4(text: string): bigint {
  return text.split('.').reduce((sum, part) => (sum << 8n) | BigInt(part), 0n);
}

function number6(text: string): bigint {
  // The last two groups may be written as an IPv4 address.
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  const low = dotted ? number4(dotted[2] ?? '') : 0n;
  const plain = dotted ? `${dotted[1]}${(low >> 16n).toString(16)}:${(low & 0xffffn).toString(16)}` : text;
  const [head = '', tail] = plain.split('::');
  const [before, after] = [head, tail ?? ''].map((part) => part.split(':').filter(Boolean));
  const zeros = Array(8 - (before?.length ?? 0) - (after?.length ?? 0)).fill('0');
  const groups = [...(before ?? []), ...(tail === undefined ? [] : zeros), ...(after ?? [])];
  return groups.reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n);
}

const covers = (a: Network, b: Network): boolean => {
  if (a.family !== b.family || a.bits > b.bits) return false;
  const spare = BigInt((a.family === 4 ? 32 : 128) - a.bits);
  return a.address >> spare === b.address >> spare;
};

/** Sorted, without those that lie in another one: packet filters refuse intervals that overlap. */
export function tidyNetworks(networks: readonly Network[]): readonly Network[] {
  const kept = networks.filter(
    (one, i) => !networks.some((other, j) => i !== j && covers(other, one) && (!covers(one, other) || j < i)),
  );
  return kept.toSorted((a, b) => a.family - b.family || (a.address < b.address ? -1 : a.address > b.address ? 1 : 0));
}

/** A peer as a document writes it: an address, a network, a host name, or targets of a platform by their selector. */
export type Peer = string | JsonObject;

/**
 * All peers as networks: host names by this machine's resolver, selectors by their platform. Throws `not-supported`
 * for a name that has no address, `target-gone` for a selector that finds none.
 */
export async function resolvePeers(
  peers: readonly Peer[],
  context: Pick<FaultContext, 'addressesOf'>,
): Promise<readonly string[]> {
  const found: Network[] = [];
  for (const peer of peers)
    found.push(...(await (typeof peer === 'string' ? byText(peer) : bySelector(peer, context))));
  return tidyNetworks(found).map(formatNetwork);
}

async function byText(peer: string): Promise<readonly Network[]> {
  const network = parseNetwork(peer);
  if (network) return [network];
  try {
    const answers = await lookup(peer, { all: true });
    return answers.flatMap(({ address }) => parseNetwork(address) ?? []);
  } catch (cause) {
    throw new ZashikiError('not-supported', `the peer ${peer} has no address: ${(cause as Error).message}`, {
      hint: 'give its IP address, or a name that this machine can resolve',
      cause,
    });
  }
}

async function bySelector(peer: JsonObject, context: Pick<FaultContext, 'addressesOf'>): Promise<readonly Network[]> {
  const [[platform, selector] = ['', {}], ...more] = Object.entries(peer);
  if (more.length > 0) throw new ZashikiError('document-invalid', 'a peer names exactly one platform');
  const addresses = await context.addressesOf(platform, selector as JsonObject);
  const networks = addresses.flatMap((address) => parseNetwork(address) ?? []);
  if (networks.length === 0) {
    throw new ZashikiError('not-supported', `no peer with an address matches ${JSON.stringify(peer)}`, {
      hint: `look with \`zashiki targets ${platform}\` what it finds`,
    });
  }
  return networks;
}
