import { expect, test } from 'vitest';
import { ruleset } from './firewall.ts';
import { judge, lossShare } from './judge.ts';
import { parsePeer, tripsIn } from './measure.ts';
import { pathsFor } from './paths.ts';
import { isOf, isOrphan, rigAlias, rigName, rigsAmong } from './rig-name.ts';

const trips = (sent: number, received: number, medianMs: number | null, doubled = 0, spoiled = 0) => ({
  ...{ sent, received, doubled, spoiled, medianMs, leastMs: medianMs },
});
const before = trips(3, 3, 1);
const delay = { latencyUs: 100_000, jitterUs: 0, correlation: 0, distribution: 'uniform' } as const;
const egress = { direction: 'egress' } as const;

test('a delay is believed when it is felt', () => {
  expect(judge({ delay }, egress, before, trips(20, 20, 101))).toEqual({
    yes: true,
    detail: 'round trip 101 ms, before 1 ms',
  });
  expect(judge({ delay }, egress, before, trips(20, 20, 30)).yes).toBe(false);
  expect(judge({ delay }, { direction: 'both' }, before, trips(20, 20, 101)).yes).toBe(false);
  expect(judge({ delay }, egress, before, trips(20, 0, null)).yes).toBe(false);
});

test('a loss is believed when packets are lost, and a small one without', () => {
  const loss = (percent: number) => ({ loss: { model: 'random', percent, correlation: 0 } }) as const;
  expect(judge(loss(50), egress, before, trips(20, 9, 1)).yes).toBe(true);
  expect(judge(loss(50), egress, before, trips(20, 20, 1)).yes).toBe(false);
  expect(judge(loss(0.001), egress, before, trips(20, 20, 1))).toEqual({
    yes: true,
    detail: '0 of 20 round trips lost',
  });
  expect(judge(loss(100), egress, before, trips(20, 1, 1)).yes).toBe(false);
  expect(judge(loss(100), egress, before, trips(20, 0, null)).yes).toBe(true);
});

test('duplicates are counted', () => {
  const duplicate = { percent: 50, correlation: 0 };
  expect(judge({ duplicate }, egress, before, trips(20, 20, 1, 9)).yes).toBe(true);
  expect(judge({ duplicate }, egress, before, trips(20, 20, 1, 0)).yes).toBe(false);
});

test('corruption is believed when answers are lost or spoiled; a bit that nobody looks at does no harm', () => {
  const corrupt = (percent: number) => ({ corrupt: { percent, correlation: 0 } }) as const;
  expect(judge(corrupt(100), egress, before, trips(20, 1, 1)).yes).toBe(true);
  expect(judge(corrupt(100), egress, before, trips(20, 17, 1, 0, 14))).toEqual({
    yes: true,
    detail: '3 of 20 round trips lost, 14 of 17 answers spoiled',
  });
  expect(judge(corrupt(100), egress, before, trips(20, 20, 1)).yes).toBe(false);
  expect(judge(corrupt(1), egress, before, trips(20, 20, 1)).yes).toBe(true);
});

test('the long-run share of each loss model', () => {
  expect(lossShare({ model: 'nth', every: 4, packet: 0 })).toBe(0.25);
  expect(lossShare({ model: 'gemodel', pg: 10, pb: 30, oneH: 100, oneK: 0 })).toBe(0.25);
  expect(lossShare({ model: 'gemodel', pg: 0, pb: 0, oneH: 100, oneK: 2 })).toBe(0.02);
  expect(lossShare({ model: 'state', p13: 25, p31: 75, p32: 0, p23: 100, p14: 0 })).toBe(0.25);
});

test('what ping prints is read', () => {
  const iputils = [
    '64 bytes from 10.0.0.1: icmp_seq=1 ttl=64 time=0.046 ms',
    '64 bytes from 10.0.0.1: icmp_seq=2 ttl=64 time=3.5 ms',
    '64 bytes from 10.0.0.1: icmp_seq=2 ttl=64 time=4.5 ms (DUP!)',
    '4 packets transmitted, 2 received, +1 duplicates, 50% packet loss, time 3005ms',
  ].join('\n');
  expect(tripsIn(iputils, 4)).toEqual({ sent: 4, received: 2, doubled: 1, spoiled: 0, medianMs: 3.5, leastMs: 0.046 });
  expect(
    tripsIn('64 bytes from 10.0.0.1: seq=0 ttl=64 time=0.1 ms\n1 packets transmitted, 1 packets received', 1),
  ).toMatchObject({ received: 1 });
  const spoiled = [
    '64 bytes from 10.0.0.1: icmp_seq=1 ttl=64 time=0.6 ms',
    'wrong data byte #22 should be 0x16 but was 0x96',
    '#16\t10 11 12 13 14 15 96 17 ',
    '64 bytes from 10.0.0.1: icmp_seq=8195 ttl=64 time=0.5 ms',
    '64 bytes from 10.0.0.1: icmp_seq=4 ttl=64 time=0.7 ms (BAD CHECKSUM)',
    '4 packets transmitted, 2 received, 50% packet loss, time 3005ms',
  ].join('\n');
  expect(tripsIn(spoiled, 4)).toMatchObject({ sent: 4, received: 2, spoiled: 2 });
  expect(tripsIn('', 5)).toEqual({ sent: 5, received: 0, doubled: 0, spoiled: 0, medianMs: null, leastMs: null });
  expect(['10.0.0.1', '10.0.0.1:80', 'fd00::1', '[fd00::1]:80', 'db:5432'].map(parsePeer)).toEqual([
    { host: '10.0.0.1' },
    { host: '10.0.0.1', port: 80 },
    { host: 'fd00::1' },
    { host: 'fd00::1', port: 80 },
    { host: 'db', port: 5432 },
  ]);
});

test('each effect has its ways, best first', () => {
  const random = { model: 'random', percent: 1, correlation: 0 } as const;
  const rate = { bitsPerSecond: 1000 };
  expect(pathsFor({ delay })).toEqual(['netem', 'user-space']);
  expect(pathsFor({ loss: random })).toEqual(['netem', 'firewall', 'user-space']);
  expect(pathsFor({ loss: { ...random, correlation: 5 } })).toEqual(['netem', 'user-space']);
  expect(pathsFor({ loss: random, delay })).toEqual(['netem', 'user-space']);
  expect(pathsFor({ loss: { model: 'nth', every: 2, packet: 0 } })).toEqual(['firewall', 'user-space']);
  expect(pathsFor({ rate })).toEqual(['netem', 'tbf', 'user-space']);
  expect(pathsFor({ rate: { ...rate, cellSize: 53 } })).toEqual(['netem', 'user-space']);
  expect(pathsFor({ rate: { ...rate, burst: 5000 } })).toEqual(['tbf']);
});

test('a rig says whose it is, in the room that a device has', () => {
  const slot = { ifindex: 2 ** 31 - 1, direction: 'egress' } as const;
  const name = rigName('owner', slot, 'b');
  expect(name.length).toBeLessThanOrEqual(15);
  const until = Date.UTC(2030, 0, 1);
  const tags = Array.from({ length: 60 }, (_, i) => `run.i${i}`);
  const ifalias = rigAlias({ owner: 'owner', tags, until, clsactIsOurs: true, built: 'abc' });
  expect(ifalias.length).toBeLessThanOrEqual(255);
  const link = { ifindex: 9, ifname: name, ifalias, linkinfo: { info_kind: 'ifb' } };
  const [rig] = rigsAmong([link, { ...link, ifname: 'eth0' }, { ...link, linkinfo: { info_kind: 'veth' } }]);
  expect(rig).toMatchObject({ ...slot, name, generation: 'b', note: { until, clsactIsOurs: true, built: 'abc' } });
  if (!rig) throw new Error('none');
  expect([isOf(rig, 'owner'), isOf(rig, 'other')]).toEqual([true, false]);
  expect([isOrphan(rig, until + 60_000), isOrphan(rig, until + 3_600_000)]).toEqual([false, true]);
  // Made a moment ago, and not yet told.
  const { ifalias: _, ...bare } = link;
  expect(rigsAmong([bare]).map((one) => [one.note, isOf(one, 'owner'), isOrphan(one, until * 2)])).toEqual([
    [null, true, false],
  ]);
});

test('rules as nft reads them', () => {
  const text = ruleset({
    table: 't',
    traffic: {
      direction: 'egress',
      interface: 'eth0',
      peers: ['10.0.0.0/8', 'fd00:0:0:0:0:0:0:0/8'],
      remotePorts: [
        [80, 80],
        [90, 99],
      ],
    },
    verdict: { action: 'drop', percent: 0.001 },
    ttl: 30_000,
  });
  expect(text).toContain('elements = { ipv4 timeout 45s, ipv6 timeout 45s }');
  expect(text).toContain(
    'meta nfproto @on oifname "eth0" ip daddr { 10.0.0.0/8 } meta l4proto { tcp, udp } th dport { 80, 90-99 } jump hit',
  );
  expect(text).toContain('ip6 daddr { fd00:0:0:0:0:0:0:0/8 }');
  expect(text).toContain('numgen random mod 10000000 < 100 drop');
  const own = ruleset({
    table: 't',
    traffic: { direction: 'both', peers: ['10.0.0.0/8'], localPeers: ['10.1.0.2/32', 'fd00::2/128'] },
    verdict: { action: 'drop', percent: 100 },
    ttl: null,
  });
  expect(own.match(/ip6? [sd]addr.*/g)).toEqual([
    'ip saddr { 10.0.0.0/8 } ip daddr { 10.1.0.2/32 } jump hit',
    'ip saddr { 10.1.0.2/32 } ip daddr { 10.0.0.0/8 } jump hit',
  ]);
  const reject = ruleset({
    table: 't',
    traffic: { direction: 'both' },
    verdict: { action: 'reject', percent: 100 },
    ttl: null,
  });
  expect(reject).toContain('iifname != "lo" jump hit');
  expect(reject).toContain('meta l4proto tcp reject with tcp reset\nmeta l4proto != tcp reject');
  expect(reject).not.toContain('timeout');
});
