import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatNetwork, parseNetwork, resolvePeers, tidyNetworks } from './addresses.ts';
import type { PortRange, Traffic } from './effects.ts';
import { blocks, type Filter, filtersOf, neighborDiscovery, u32 } from './match.ts';

type Packet = {
  readonly family: 4 | 6;
  readonly source: bigint;
  readonly destination: bigint;
  readonly protocol: number;
  readonly sourcePort: number;
  readonly destinationPort: number;
};

/** The packet as bytes, from its IP header on. */
function bytesOf({ family, source, destination, protocol, sourcePort, destinationPort }: Packet): Buffer {
  const bytes = Buffer.alloc(64);
  const address = (value: bigint, at: number, length: number) => {
    for (let i = 0; i < length; i++) bytes[at + i] = Number((value >> BigInt(8 * (length - 1 - i))) & 255n);
  };
  const size = family === 4 ? 4 : 16;
  bytes[0] = family === 4 ? 0x45 : 0x60;
  bytes[family === 4 ? 9 : 6] = protocol;
  address(source, family === 4 ? 12 : 8, size);
  address(destination, family === 4 ? 16 : 24, size);
  bytes.writeUInt16BE(sourcePort, family === 4 ? 20 : 40);
  bytes.writeUInt16BE(destinationPort, family === 4 ? 22 : 42);
  return bytes;
}

/** What the kernel's u32 classifier does. */
const hits = (filters: readonly Filter[], packet: Packet): boolean => {
  const bytes = bytesOf(packet);
  return filters.some(
    ({ family, keys }) =>
      family === packet.family &&
      keys.every(({ at, value, mask }) => (bytes.readUInt32BE(at) & mask) >>> 0 === value >>> 0),
  );
};

/** The same question, asked plainly. */
function matches(traffic: Traffic, direction: 'egress' | 'ingress', packet: Packet): boolean {
  const { peers, localPeers, protocol, localPorts, remotePorts, match = 'all' } = traffic;
  const out = direction === 'egress';
  const [own, peer] = out ? [packet.source, packet.destination] : [packet.destination, packet.source];
  const [local, remote] = out
    ? [packet.sourcePort, packet.destinationPort]
    : [packet.destinationPort, packet.sourcePort];
  const hasPorts = packet.protocol === 6 || packet.protocol === 17;
  const within = (ranges: readonly PortRange[], port: number) =>
    hasPorts && ranges.some(([from, to]) => port >= from && port <= to);
  const width = packet.family === 4 ? 32 : 128;
  const inside = (address: bigint) => (text: string) => {
    const network = parseNetwork(text);
    const spare = BigInt(width - (network?.bits ?? 0));
    return network?.family === packet.family && address >> spare === network.address >> spare;
  };
  const parts = [
    peers?.some(inside(peer)),
    localPeers?.some(inside(own)),
    localPorts && within(localPorts, local),
    remotePorts && within(remotePorts, remote),
  ].filter((part) => part !== undefined);
  const icmp = packet.family === 4 ? 1 : 58;
  const named = protocol === undefined || packet.protocol === { tcp: 6, udp: 17, icmp }[protocol];
  if (match === 'any' && parts.length > 0) return named && parts.some(Boolean);
  return named && parts.every(Boolean);
}

const range = fc
  .tuple(fc.integer({ min: 0, max: 65535 }), fc.integer({ min: 0, max: 40 }))
  .map(([from, more]): PortRange => [from, Math.min(65535, from + more)]);
const network = fc.oneof(
  fc.tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 })).map(([ip, bits]) => `${ip}/${bits}`),
  fc.tuple(fc.ipV6(), fc.integer({ min: 0, max: 128 })).map(([ip, bits]) => `${ip}/${bits}`),
);
const some = <T>(of: fc.Arbitrary<T>) => fc.option(fc.array(of, { minLength: 1, maxLength: 2 }), { nil: undefined });

test('filters match what was asked for, and nothing else', () => {
  let [yes, no] = [0, 0];
  fc.assert(
    fc.property(
      fc.record({
        peers: some(network),
        localPeers: some(network),
        protocol: fc.constantFrom(undefined, 'tcp', 'udp', 'icmp'),
        localPorts: some(range),
        remotePorts: some(range),
        match: fc.constantFrom('all', 'any'),
      }),
      fc.constantFrom('egress', 'ingress'),
      fc.infiniteStream(fc.nat()),
      (given, direction, numbers) => {
        if (given.protocol === 'icmp' && (given.localPorts ?? given.remotePorts)) return;
        const traffic = Object.fromEntries(
          Object.entries({ direction, ...given }).filter(([, value]) => value),
        ) as unknown as Traffic;
        const filters = filtersOf(traffic, direction);
        // Packets near the edges of what was asked for, else hardly one would match.
        const draw = (below: number) => Number(numbers.next().value) % below;
        const port = () => {
          const ranges = [...(given.localPorts ?? []), ...(given.remotePorts ?? []), [0, 65535] as PortRange];
          const [from, to] = ranges[draw(ranges.length)] as PortRange;
          return Math.max(0, Math.min(65535, [from, to, from - 1, to + 1][draw(4)] as number));
        };
        for (let i = 0; i < 8; i++) {
          const family = draw(2) === 0 ? 4 : 6;
          const near = (networks: readonly string[] | undefined) => {
            const found = networks?.map(parseNetwork).find((one) => one?.family === family)?.address ?? 5n;
            return draw(3) > 0 ? found : found ^ (1n << BigInt(draw(family === 4 ? 32 : 128)));
          };
          const [own, peer] = [near(given.localPeers), near(given.peers)];
          const packet: Packet = {
            family,
            source: direction === 'egress' ? own : peer,
            destination: direction === 'egress' ? peer : own,
            protocol: [6, 17, family === 4 ? 1 : 58][draw(3)] as number,
            sourcePort: port(),
            destinationPort: port(),
          };
          const expected = matches(traffic, direction, packet);
          expect(filters === null ? true : hits(filters, packet)).toBe(expected);
          if (expected) yes++;
          else no++;
        }
      },
    ),
    { seed: 7, numRuns: 400 },
  );
  expect(Math.min(yes, no)).toBeGreaterThan(200);
});

test('port blocks cover a range exactly once', () => {
  fc.assert(
    fc.property(range, fc.integer({ min: 0, max: 65535 }), ([from, to], port) => {
      const found = blocks([[from, to]]).filter(({ value, mask }) => (port & mask) === value);
      expect(found).toHaveLength(port >= from && port <= to ? 1 : 0);
    }),
  );
  expect(blocks([[0, 65535]])).toEqual([{ value: 0, mask: 0 }]);
  expect(blocks([[8000, 8003]])).toEqual([{ value: 8000, mask: 0xfffc }]);
});

test('filters as tc reads them', () => {
  const [filter] = filtersOf({ direction: 'egress', peers: ['10.1.0.0/16'], protocol: 'tcp' }, 'egress') ?? [];
  expect(u32(filter as Filter)).toBe('match u32 0xa010000 0xffff0000 at 16 match u32 0x60000 0xff0000 at 8');
  expect(filtersOf({ direction: 'egress' }, 'egress')).toBeNull();
});

test('only neighbor discovery counts as such', () => {
  const base = { family: 6, source: 1n, destination: 2n, protocol: 58, destinationPort: 0 } as const;
  const types = Array.from({ length: 256 }, (_, type) => type).filter((type) =>
    hits(neighborDiscovery, { ...base, sourcePort: type << 8 }),
  );
  expect(types).toEqual([133, 134, 135, 136, 137]);
});

test('too many filters are refused', () => {
  const ports = Array.from({ length: 60 }, (_, i): PortRange => [i * 1000 + 1, i * 1000 + 998]);
  const traffic: Traffic = { direction: 'egress', protocol: 'tcp', localPorts: ports, remotePorts: ports };
  expect(() => filtersOf(traffic, 'egress')).toThrow(/filters/);
});

test('networks are read, tidied and written', () => {
  const forms = ['10.1.2.3', '10.1.2.3/8', 'FD00::1', '::ffff:10.0.0.1/96', '::/0', '1:2:3:4:5:6:7:8'];
  expect(forms.map((text) => formatNetwork(parseNetwork(text) as never))).toEqual([
    '10.1.2.3/32',
    '10.0.0.0/8',
    'fd00:0:0:0:0:0:0:1/128',
    '0:0:0:0:0:ffff:0:0/96',
    '0:0:0:0:0:0:0:0/0',
    '1:2:3:4:5:6:7:8/128',
  ]);
  for (const wrong of ['10.1.2', 'db', '10.0.0.1/33', 'fe80::1%eth0', '10.0.0.1/8/8', '']) {
    expect(parseNetwork(wrong)).toBeUndefined();
  }
  const several = ['10.1.0.0/16', '10.0.0.0/8', 'fd00::/8', '10.0.0.0/8', '192.0.2.1'].map(parseNetwork);
  expect(tidyNetworks(several as never).map(formatNetwork)).toEqual([
    '10.0.0.0/8',
    '192.0.2.1/32',
    'fd00:0:0:0:0:0:0:0/8',
  ]);
});

test('peers are resolved by name and by selector', async () => {
  const asked: unknown[] = [];
  const addressesOf = async (platform: string, selector: unknown) => {
    asked.push([platform, selector]);
    return ['172.17.0.2', 'fd00::2'];
  };
  const found = await resolvePeers(['localhost', { docker: { name: 'db' } }], { addressesOf });
  expect(found).toEqual(expect.arrayContaining(['127.0.0.1/32', '172.17.0.2/32', 'fd00:0:0:0:0:0:0:2/128']));
  expect(asked).toEqual([['docker', { name: 'db' }]]);
  await expect(resolvePeers(['no-such-host.invalid'], { addressesOf })).rejects.toMatchObject({
    code: 'not-supported',
    message: expect.stringContaining('no-such-host.invalid'),
  });
  await expect(resolvePeers([{ docker: {} }], { addressesOf: async () => [] })).rejects.toThrow(/no peer/);
});
