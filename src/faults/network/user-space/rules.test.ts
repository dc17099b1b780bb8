import { expect, test } from 'vitest';
import type { Traffic } from '../effects.ts';
import { removals } from './chains.ts';
import { parseSave } from './iptables.ts';
import { parseQueues } from './queues.ts';
import {
  addRules,
  baseChain,
  chainName,
  concerns,
  markOf,
  parseChainName,
  type RuleSet,
  removeRules,
  tables,
} from './rules.ts';

const name = 'ZSK---e-1a2b3c4d';
const set = (more: Partial<RuleSet> = {}): RuleSet => ({
  table: 'mangle',
  family: 4,
  verdict: { queue: 30_000 },
  tag: 'run.i1',
  chains: [{ hook: 'e', name, isNew: true }],
  ...more,
});
const hits = (traffic: Traffic, more: Partial<RuleSet> = {}) =>
  addRules(set(more), traffic)
    .split('\n')
    .filter((line) => line.includes('NFQUEUE'))
    .map((line) => line.replace(/^-A \S+ ?/, '').replace(/ ?-m comment.*$/, ''));

test('a whole table text: chain, what passes untouched, what is taken, the call', () => {
  expect(addRules(set(), { direction: 'egress' }).split('\n')).toEqual([
    '*mangle',
    `:${name} - [0:0]`,
    `-A ${name} -o lo -j RETURN`,
    `-A ${name} -m mark --mark 0x5a534b02/0xfffffff2 -j RETURN`,
    `-A ${name} -m comment --comment "zashiki run.i1" -j NFQUEUE --queue-num 30000 --queue-bypass`,
    `-I OUTPUT 1 -j ${name}`,
    'COMMIT',
    '',
  ]);
});

test('a chain that exists is filled anew and not called twice', () => {
  const text = addRules(set({ chains: [{ hook: 'e', name, isNew: false }] }), { direction: 'egress' });
  expect(text).toContain(`:${name} - [0:0]`);
  expect(text).not.toContain('-I OUTPUT');
});

test('neighbour discovery passes, and raw takes only what is for this machine', () => {
  const ingress = { chains: [{ hook: 'i', name, isNew: true }], table: 'raw', family: 6 } as const;
  const text = addRules(set(ingress), { direction: 'ingress', interface: 'eth0' });
  expect(text).toContain('-p icmpv6 --icmpv6-type 135 -j RETURN');
  expect(text).toContain('-m addrtype ! --dst-type LOCAL -j RETURN');
  expect(text).toContain(`-I PREROUTING 1 -j ${name}`);
  expect(text).not.toContain(' lo ');
});

test('all keys together, every peer with every protocol', () => {
  const traffic: Traffic = {
    direction: 'both',
    interface: 'eth0',
    peers: ['10.0.0.0/8', 'fd00::/8', '192.0.2.1'],
    localPorts: [[80, 80]],
    remotePorts: [[1000, 2000]],
  };
  const ports = (here: string, there: string) => `-m multiport ${here} 80 -m multiport ${there} 1000:2000`;
  expect(hits(traffic)).toEqual([
    `-o eth0 -d 10.0.0.0/8 -p tcp ${ports('--sports', '--dports')}`,
    `-o eth0 -d 10.0.0.0/8 -p udp ${ports('--sports', '--dports')}`,
    `-o eth0 -d 192.0.2.1 -p tcp ${ports('--sports', '--dports')}`,
    `-o eth0 -d 192.0.2.1 -p udp ${ports('--sports', '--dports')}`,
  ]);
  const inward = { family: 6, chains: [{ hook: 'i', name, isNew: true }] } as const;
  expect(hits({ ...traffic, protocol: 'udp' }, inward)).toEqual([
    `-i eth0 -s fd00::/8 -p udp ${ports('--dports', '--sports')}`,
  ]);
});

test('addresses of the target itself are at the other end than those of peers', () => {
  const traffic: Traffic = { direction: 'both', localPeers: ['10.0.0.2/32', 'fd00::2/128'], peers: ['10.1.0.0/16'] };
  expect(hits(traffic)).toEqual(['-d 10.1.0.0/16 -s 10.0.0.2/32']);
  const inward = { chains: [{ hook: 'i', name, isNew: true }] } as const;
  expect(hits(traffic, inward)).toEqual(['-s 10.1.0.0/16 -d 10.0.0.2/32']);
  expect(hits({ direction: 'ingress', localPeers: ['fd00::2/128'] }, { ...inward, family: 6 })).toEqual([
    '-d fd00::2/128',
  ]);
  expect([4, 6].map((family) => concerns(traffic, family as 4 | 6))).toEqual([true, false]);
});

test('any of the keys', () => {
  const traffic: Traffic = { direction: 'egress', match: 'any', peers: ['fd00::1'], localPorts: [[80, 80]] };
  expect(hits(traffic)).toEqual(['-p tcp -m multiport --sports 80', '-p udp -m multiport --sports 80']);
  expect(hits(traffic, { family: 6 })[0]).toBe('-d fd00::1');
  expect(concerns(traffic, 4)).toBe(true);
  expect(concerns({ direction: 'egress', peers: ['fd00::1'] }, 4)).toBe(false);
});

test('many ports are several matches; icmp has its own name in IPv6', () => {
  const remotePorts = Array.from({ length: 15 }, (_, at) => [at + 1, at + 1] as const);
  const lines = hits({ direction: 'egress', protocol: 'tcp', remotePorts });
  expect(lines).toHaveLength(3);
  expect(lines[0]).toBe('-p tcp -m multiport --dports 1,2,3,4,5,6,7');
  expect(hits({ direction: 'egress', protocol: 'icmp' }, { family: 6 })).toEqual(['-p icmpv6']);
});

test('the name of a chain tells what was there before', () => {
  const chain = chainName('run.i1', 'i', { table: true, chain: false });
  expect(chain).toMatch(/^ZSK-t-i-[0-9a-f]{8}$/);
  expect(chain.length).toBeLessThanOrEqual(28);
  expect(parseChainName(chain)).toMatchObject({ hook: 'i', before: { table: true, chain: false } });
  expect(parseChainName('DOCKER')).toBeUndefined();
});

test('what one table sends has passed that one and all before it, and no other', () => {
  const passes = (mark: number, rule: string) => {
    const [value = 0, mask = 0] = rule.split('/').map(Number);
    return (mark & mask) >>> 0 === value;
  };
  const matchOf = (table: RuleSet['table']) =>
    /--mark (\S+)/.exec(addRules(set({ table }), { direction: 'egress' }))?.[1] ?? '';
  const order = ['raw', 'mangle', 'filter', 'security'] as const;
  for (const [from, sender] of order.entries()) {
    const passed = order.map((table) => passes(markOf(sender), matchOf(table)));
    expect(passed).toEqual(order.map((_, at) => at <= from));
  }
  for (const table of order)
    for (const foreign of [0, 1, 0x4000, 0x8000, 0xff]) expect(passes(foreign, matchOf(table))).toBe(false);
});

test('every table has a chain for each way', () => {
  expect(tables.map((table) => baseChain(table, 'ingress'))).toEqual(['INPUT', 'INPUT', 'INPUT', 'PREROUTING']);
});

test('removal by iptables: first the callers, then the chain', () => {
  expect(removeRules('filter', [{ name, callers: ['OUTPUT'] }])).toBe(
    `*filter\n-D OUTPUT -j ${name}\n-F ${name}\n-X ${name}\nCOMMIT\n`,
  );
});

const jump = { chain: 'OUTPUT', handle: 4, jump: name };
const inside = { chain: name, handle: 2, jump: undefined };

test('removal by nft: a table that came with us goes when nobody else is in it', () => {
  const { own, empties } = removals({ chains: [name, 'OUTPUT', 'INPUT'], rules: [jump, inside], others: 0 }, [name]);
  expect(own).toEqual([
    ['delete rule', 'OUTPUT handle 4'],
    ['flush chain', name],
  ]);
  expect(empties).toEqual({ chains: ['OUTPUT', 'INPUT'], table: true });
});

test.each([
  [
    'a rule',
    { chains: [name, 'OUTPUT'], rules: [jump, inside, { chain: 'OUTPUT', handle: 9, jump: undefined }], others: 0 },
    [],
  ],
  ['a chain', { chains: [name, 'OUTPUT', 'THEIRS'], rules: [jump, inside], others: 0 }, ['OUTPUT']],
  ['a set', { chains: [name, 'OUTPUT'], rules: [jump, inside], others: 1 }, ['OUTPUT']],
])('removal by nft: %s of somebody else keeps the table', (_, seen, chains) => {
  expect(removals(seen, [name]).empties).toEqual({ chains, table: false });
});

test('removal by nft: only what was not there before', () => {
  const known = 'ZSK-tce-1a2b3c4d';
  const seen = { chains: [known, 'OUTPUT'], rules: [{ ...jump, jump: known }], others: 0 };
  expect(removals(seen, [known]).empties).toEqual({ chains: [], table: false });
  const half = 'ZSK-t-e-1a2b3c4d';
  const other = { chains: [half, 'OUTPUT'], rules: [{ ...jump, jump: half }], others: 0 };
  expect(removals(other, [half]).empties).toEqual({ chains: ['OUTPUT'], table: false });
});

test('what iptables-save prints', () => {
  const saved = parseSave(
    '# Generated\n*filter\n:INPUT DROP [1:2]\n:OUTPUT ACCEPT [0:0]\n:MINE - [0:0]\n-A INPUT -j MINE\nCOMMIT\n*raw\nCOMMIT\n',
  );
  expect([...saved.keys()]).toEqual(['filter', 'raw']);
  expect(saved.get('filter')?.policies.get('INPUT')).toBe('DROP');
  expect(saved.get('filter')?.ownChains).toEqual(['MINE']);
  expect(saved.get('filter')?.rules).toEqual([{ chain: 'INPUT', text: '-A INPUT -j MINE' }]);
});

test('what the kernel says of queues', () => {
  expect(parseQueues('27563  17435     3 2 65531     1     2      105  1\n')).toEqual([
    { queue: 27_563, waiting: 3, overrun: 3, seen: 105 },
  ]);
  expect(parseQueues('')).toEqual([]);
});
