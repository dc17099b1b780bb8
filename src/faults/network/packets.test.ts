import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, type TestContext, test } from 'vitest';
import { injection } from '../../../test/fixtures/injection.ts';
import { attach, startTarget, testContext } from '../../../test/fixtures/living-target.ts';
import { makeWire, type Wire, wireMissing } from '../../../test/fixtures/network.ts';
import type { Netns } from '../../capabilities/netns.ts';
import { cutAfter, InjectCut } from '../contract/scissors.ts';
import type { AnyFault } from '../fault.ts';
import networkDelay from '../network-delay.ts';
import networkDown from '../network-down.ts';
import networkLoss from '../network-loss.ts';
import networkPartition from '../network-partition.ts';
import networkRate from '../network-rate.ts';
import networkReset from '../network-reset.ts';
import { addRules, rulesAreOn } from './firewall.ts';

const unable = wireMissing();
const throughput = fileURLToPath(new URL('../../../test/fixtures/throughput.mjs', import.meta.url));

/** A test with real packets; skipped, with the reason, where none can be made. */
const real = (name: string, run: (context: TestContext) => Promise<void>) =>
  test(name, { timeout: 180_000 }, async (context) => {
    if (unable) context.skip(unable);
    await run(context);
  });

async function wire(): Promise<Wire> {
  const made = await makeWire();
  onTestFinished(() => made.end());
  return made;
}

/** Bits a second that arrive over one TCP connection. */
async function measure(on: Wire, way: 'up' | 'down', peer: string, port = 7001, ms = 2500): Promise<number> {
  const server = on.startAtPeer([process.execPath, throughput, 'serve', String(port)]);
  await once(server.stdout as NodeJS.ReadableStream, 'data');
  const bits = Number(on.run([process.execPath, throughput, way, peer, String(port), String(ms)]));
  server.kill('SIGKILL');
  await once(server, 'exit');
  return bits;
}

const lost = (on: Wire, to: string, count = 200): number => {
  const text = on.run(['ping', '-n', '-q', '-c', String(count), '-i', '0.005', '-W', '1', to]);
  const [, sent, received] = /(\d+) packets transmitted, (\d+) received/.exec(text) ?? [];
  if (sent === undefined) throw new Error(text);
  return 1 - Number(received) / Number(sent);
};

real('network-rate: recover works after any command of inject', async () => {
  for (let calls = 0, more = true; more; calls += 3) {
    const on = await makeWire();
    try {
      const before = on.snapshot();
      const context = { ...(await testContext()) };
      const capabilities = await attach(on.target);
      const params = networkRate.params.parse({ rate: '1mbit', via: 'tbf', direction: 'both' });
      const undo = await networkRate.plan(capabilities, params, context);
      const cut = cutAfter(calls);
      const open = async (id: string): Promise<Netns> => cut(await capabilities.netns.open(id));
      const netns = { ...capabilities.netns, open };
      more = await networkRate.inject({ netns }, params, undo, context).then(
        () => false,
        (error: unknown) => {
          if (!(error instanceof InjectCut)) throw error;
          return true;
        },
      );
      await networkRate.recover(capabilities, undo, context);
      expect(await networkRate.verify(capabilities, undo, context)).toMatchObject({ yes: true });
      expect(on.snapshot()).toBe(before);
    } finally {
      await on.end();
    }
  }
});

// ── tbf on ifb ──────────────────────────────────────────────────────────────────────────────────────────────────────

real('a rate is kept, on the way out and on the way in, by IPv4 and IPv6', async () => {
  const on = await wire();
  for (const [direction, way] of [
    ['egress', 'up'],
    ['ingress', 'down'],
  ] as const) {
    const one = await injection(on, networkRate, { rate: '4mbit', via: 'tbf', direction });
    expect(one.how).toBe(`tbf on ifb, ${direction} of eth0`);
    await one.inject();
    for (const peer of [on.peer.v4, on.peer.v6]) {
      const bits = await measure(on, way, peer);
      expect(bits).toBeGreaterThan(1e6);
      expect(bits).toBeLessThan(4.8e6);
    }
    const other = await measure(on, way === 'up' ? 'down' : 'up', on.peer.v4, 7001, 1000);
    expect(other).toBeGreaterThan(8e6);
    await one.recover();
    expect(await one.verify()).toMatchObject({ yes: true });
    expect(await measure(on, way, on.peer.v4, 7001, 1000)).toBeGreaterThan(8e6);
  }
});

real('only what is meant is slowed down, and two at once keep out of each other’s way', async () => {
  const on = await wire();
  const before = on.snapshot();
  const rate = { rate: '2mbit', via: 'tbf' };
  const byPort = await injection(on, networkRate, { ...rate, remotePorts: ['7001'] });
  await byPort.inject();
  const byPeer = await injection(on, networkRate, { ...rate, peers: ['10.77.0.3', 'fd77::3'], protocol: 'tcp' });
  await byPeer.inject([byPort]);
  const speeds = async () => [
    await measure(on, 'up', '10.77.0.1', 7001, 1500),
    await measure(on, 'up', 'fd77::3', 7002, 1500),
    await measure(on, 'up', '10.77.0.1', 7002, 1000),
  ];
  const slow = (bits: number | undefined) => (bits ?? 0) < 3e6;
  expect((await speeds()).map(slow)).toEqual([true, true, false]);
  expect(await byPort.observe()).toMatchObject({ yes: true });
  await byPort.recover([byPeer]);
  expect(await byPort.verify([byPeer])).toMatchObject({ yes: true });
  expect(await byPeer.observe()).toMatchObject({ yes: true });
  expect((await speeds()).map(slow)).toEqual([false, true, false]);
  await byPeer.recover();
  expect(await byPeer.verify()).toMatchObject({ yes: true });
  expect(on.snapshot()).toBe(before);
});

real('no packet is lost while the rig is built anew', async () => {
  const on = await wire();
  const first = await injection(on, networkRate, { rate: '50mbit', via: 'tbf', direction: 'both' });
  await first.inject();
  const argv = ['ping', '-n', '-q', '-c', '1500', '-i', '0.002', '-W', '2', on.peer.v4];
  const ping = on.start(argv);
  let said = '';
  ping.stdout?.on('data', (data) => {
    said += data;
  });
  const ended = once(ping, 'exit');
  for (let round = 0; round < 3; round++) {
    const second = await injection(on, networkRate, {
      rate: '40mbit',
      via: 'tbf',
      direction: 'both',
      probePeer: '10.77.0.3',
    });
    await second.inject([first]);
    await second.recover([first]);
  }
  await ended;
  expect(said).toMatch(/ 0% packet loss/);
  await first.recover();
});

// ── What belongs to others ──────────────────────────────────────────────────────────────────────────────────────────

real('qdiscs, filters and rules of others stay as they are, byte for byte, and go on working', async () => {
  const on = await wire();
  for (const line of [
    'tc qdisc add dev eth0 root handle 9: htb default 1',
    'tc class add dev eth0 parent 9: classid 9:1 htb rate 900mbit quantum 60000',
    'tc qdisc add dev eth0 parent 9:1 handle 91: tbf rate 800mbit burst 100kb limit 1mb',
    'tc filter add dev eth0 parent 9: protocol ip pref 5 u32 match ip dst 10.77.0.9/32 flowid 9:1',
    'tc qdisc add dev eth0 clsact',
    'ip link add foreign type ifb',
    'ip link set foreign up',
    'tc filter add dev eth0 egress protocol ip pref 7 u32 match ip dst 10.77.0.8/32 action mirred egress redirect dev foreign',
    'tc filter add dev eth0 ingress protocol ip pref 65400 u32 match ip src 10.77.0.8/32 action mirred egress redirect dev foreign',
    'nft add table inet theirs',
    'nft add chain inet theirs input { type filter hook input priority 0; }',
    'nft add rule inet theirs input tcp dport 4444 drop',
    'iptables -A OUTPUT -d 10.77.0.77 -j DROP',
  ]) {
    expect(on.run(line.split(' ')), line).toBe('');
  }
  const state = () => `${on.snapshot()}\n${on.run(['iptables-save']).replace(/^#.*$|\[\d+:\d+\]/gm, '')}`;
  const before = state();
  const faults = [
    [networkRate, { rate: '2mbit', via: 'tbf' }],
    [networkRate, { rate: '2mbit', via: 'tbf', direction: 'both', peers: ['10.77.0.3'] }],
    [networkPartition, { peers: ['10.77.0.3'] }],
    [networkLoss, { percent: '10%', via: 'firewall' }],
    [networkReset, { localPorts: [4445] }],
  ] as const;
  const standing: Awaited<ReturnType<typeof injection>>[] = [];
  for (const [fault, params] of faults) {
    const one = await injection(on, fault, params);
    await one.inject(standing);
    standing.push(one);
  }
  expect(on.run(['tc', 'qdisc', 'show', 'dev', 'eth0'])).toContain('qdisc htb 9: root');
  for (const one of [...standing]) {
    standing.splice(standing.indexOf(one), 1);
    await one.recover(standing);
    expect(await one.verify(standing)).toMatchObject({ yes: true });
  }
  expect(state()).toBe(before);
});

real('what another installation has on the same device is left alone, until it is long overdue', async () => {
  const on = await wire();
  const before = on.snapshot();
  const theirs = await injection(on, networkRate, { rate: '2mbit', via: 'tbf' }, { owner: 'somebody else' });
  await theirs.inject();
  await expect(injection(on, networkRate, { rate: '1mbit', via: 'tbf' })).rejects.toMatchObject({
    code: 'refused',
    message: expect.stringContaining('another Zashiki has faults on eth0'),
  });
  // The same, as it looks when its time passed an hour ago.
  const rig = /zsk\w+/.exec(on.run(['ip', '-br', 'link']))?.[0] ?? '';
  const alias = /alias (.*)/.exec(on.run(['ip', 'link', 'show', 'dev', rig]))?.[1] ?? '';
  const hourAgo = new Date(Date.now() - 3_600_000).toISOString();
  on.run(['ip', 'link', 'set', 'dev', rig, 'alias', alias.replace(/until=\S+/, `until=${hourAgo}`)]);
  const ours = await injection(on, networkRate, { rate: '1mbit', via: 'tbf' });
  await ours.inject();
  expect(on.run(['ip', '-br', 'link'])).not.toContain(rig);
  expect(await ours.observe()).toMatchObject({ yes: true });
  await ours.recover();
  expect(on.snapshot()).toBe(before);
});

real('what is left of a rig whose device somebody removed is cleared', async () => {
  const on = await wire();
  const before = on.snapshot();
  const one = await injection(on, networkRate, { rate: '2mbit', via: 'tbf', direction: 'both' });
  await one.inject();
  for (const rig of on.run(['ip', '-br', 'link']).match(/zsk\w+/g) ?? []) on.run(['ip', 'link', 'del', 'dev', rig]);
  expect(await one.observe()).toMatchObject({ yes: false });
  expect(await one.verify()).toMatchObject({ yes: false });
  await one.recover();
  expect(await one.verify()).toMatchObject({ yes: true });
  expect(on.snapshot()).toBe(before);
});

// ── Rules ───────────────────────────────────────────────────────────────────────────────────────────────────────────

real('loss at random and of every n-th packet', async () => {
  const on = await wire();
  const random = await injection(on, networkLoss, { percent: '30%', direction: 'ingress', via: 'firewall' });
  await random.inject();
  for (const peer of [on.peer.v4, on.peer.v6]) {
    expect(lost(on, peer, 300)).toBeGreaterThan(0.2);
    expect(lost(on, peer, 300)).toBeLessThan(0.4);
  }
  expect(await random.observe()).toMatchObject({ yes: true, detail: expect.stringMatching(/round trips lost/) });
  await random.recover();
  const nth = await injection(on, networkLoss, { model: 'nth', every: 4, packet: 1, direction: 'ingress' });
  await nth.inject();
  expect(lost(on, on.peer.v4, 200)).toBe(0.25);
  await nth.recover();
  expect(lost(on, on.peer.v4, 50)).toBe(0);
});

real('a partition cuts off exactly those who are meant, and neighbors are still found', async () => {
  const on = await wire();
  const one = await injection(on, networkPartition, { peers: ['10.77.0.1', 'fd77::1'] });
  await one.inject();
  expect([on.peer.v4, on.peer.v6, '10.77.0.3', 'fd77::3'].map((to) => lost(on, to, 5))).toEqual([1, 1, 0, 0]);
  expect(await one.observe()).toMatchObject({ yes: true, detail: expect.stringContaining('20 of 20') });
  await one.recover();
  const all = await injection(on, networkPartition, { direction: 'ingress' });
  await all.inject();
  on.run(['ip', 'neigh', 'flush', 'dev', 'eth0']);
  expect([on.peer.v4, on.peer.v6].map((to) => lost(on, to, 5))).toEqual([1, 1]);
  for (const peer of [on.peer.v4, on.peer.v6]) expect(on.run(['ip', 'neigh', 'show', 'to', peer])).toContain('lladdr');
  await all.recover();
  expect([on.peer.v4, on.peer.v6].map((to) => lost(on, to, 5))).toEqual([0, 0]);
});

real('one of those that it is cut off from is seen to be at the others, and not at itself', async () => {
  const on = await wire();
  for (const peers of [[on.here.v4, on.peer.v4], [on.here.v4]]) {
    const one = await injection(on, networkPartition, { peers });
    await one.inject();
    const seen = peers.includes(on.peer.v4) ? `20 of 20 round trips lost (${on.peer.v4})` : 'not measured';
    expect(await one.observe()).toMatchObject({ yes: true, detail: expect.stringContaining(seen) });
    await one.recover();
  }
});

real('rules end by themselves when nobody removes them', async () => {
  const on = await wire();
  const ns = await (await attach(on.target)).netns.identify();
  const open = await (await attach(on.target)).netns.open(ns.id);
  // Fifteen seconds are added to every ttl.
  const firewall = { table: 'zashiki_test', verdict: { action: 'drop', percent: 100 }, ttl: -14_000 } as const;
  await addRules(open, { ...firewall, traffic: { direction: 'both' } });
  await expect.poll(() => rulesAreOn(open, firewall), { timeout: 20_000 }).toBe('ended');
  expect(lost(on, on.peer.v4, 5)).toBe(0);
  expect(on.run(['nft', 'list', 'ruleset'])).toContain('zashiki_test');
});

real('connections are reset, and new ones refused', async () => {
  const on = await wire();
  const server = on.startAtPeer([process.execPath, throughput, 'serve', '7001']);
  await once(server.stdout as NodeJS.ReadableStream, 'data');
  const client = on.start([process.execPath, throughput, 'up', on.peer.v4, '7001', '60000']);
  const said = once(client.stdout as NodeJS.ReadableStream, 'data');
  const established = () => on.run(['ss', '-tnH', 'state', 'established']);
  await expect.poll(established, { timeout: 30_000 }).toContain(':7001');
  const one = await injection(on, networkReset, { remotePorts: [7001] });
  expect(one.how).toContain('firewall rules');
  await one.inject();
  expect(String((await said)[0]).trim()).toMatch(/ECONNRESET|EPIPE/);
  expect(on.run([process.execPath, throughput, 'down', on.peer.v4, '7001', '500']).trim()).toBe('ECONNREFUSED');
  await one.recover();
  expect(Number(on.run([process.execPath, throughput, 'down', on.peer.v4, '7001', '500']))).toBeGreaterThan(1e6);
});

// ── The device itself ───────────────────────────────────────────────────────────────────────────────────────────────

real('network-down brings back addresses, routes and neighbors of every kind', async () => {
  const on = await wire();
  for (const line of [
    'ip addr add 10.78.0.1/24 dev eth0',
    'ip -6 addr add fd78::5/64 dev eth0 nodad',
    'ip route add 192.0.2.0/24 via 10.77.0.3 metric 50',
    'ip route add 198.51.100.0/24 via 192.0.2.1 dev eth0 onlink',
    'ip route add 203.0.113.0/24 dev eth0 table 77 src 10.77.0.2 mtu 1300',
    'ip -6 route add fd99::/64 via fd77::3 metric 7',
    'ip -6 route add default via fd77::3 metric 2000',
    'ip neigh add 10.77.0.50 lladdr 02:00:00:00:00:50 dev eth0 nud permanent',
    'ip route add blackhole 192.0.3.0/24',
  ]) {
    expect(on.run(line.split(' ')), line).toBe('');
  }
  const state = () =>
    `${on.snapshot()}${on.run(['ip', 'neigh', 'show', 'nud', 'permanent'])}`.split('\n').sort().join('\n');
  const before = state();
  const one = await injection(on, networkDown, {});
  await one.inject();
  expect(await one.observe()).toMatchObject({ yes: true, detail: 'eth0 is down' });
  expect(state()).not.toBe(before);
  await one.recover();
  expect(await one.verify()).toMatchObject({ yes: true });
  expect(state()).toBe(before);
  expect(lost(on, on.peer.v6, 3)).toBe(0);
});

// ── Refusals ────────────────────────────────────────────────────────────────────────────────────────────────────────

test('a process in the namespace of the machine is refused', { timeout: 60_000 }, async (context) => {
  if (process.platform !== 'linux') context.skip('needs Linux');
  const living = await startTarget();
  onTestFinished(() => living.end());
  const plan = async (fault: AnyFault, params: object) =>
    fault.plan(await attach(living.target), fault.params.parse(params), await testContext());
  for (const [fault, params] of [
    [networkDelay, { latency: '1ms' }],
    [networkPartition, {}],
    [networkDown, {}],
  ] as const) {
    await expect(plan(fault, params)).rejects.toMatchObject({
      code: 'refused',
      hint: expect.stringContaining('machine: true'),
    });
  }
});

real('what cannot be done is said before anything is', async () => {
  const on = await wire();
  const before = on.snapshot();
  const refused = (fault: AnyFault, params: object) =>
    injection(on, fault, params).then(
      () => 'not refused',
      (error: Error) => error.message,
    );
  expect(await refused(networkDelay, { latency: '1ms', interface: 'eth9' })).toBe(
    'the target has no network device eth9',
  );
  expect(await refused(networkDelay, { latency: '1ms', via: 'firewall' })).toBe('firewall cannot do this');
  expect(await refused(networkDown, { interface: 'lo9' })).toContain('no network device');
  on.run(['ip', 'link', 'set', 'eth0', 'down']);
  expect(await refused(networkDelay, { latency: '1ms' })).toContain('no network device that is up');
  on.run(['ip', 'link', 'set', 'eth0', 'up']);
  expect(before).toContain('eth0');
});

test.each([
  [networkDelay, { latency: '100' }, /not a latency/],
  [networkDelay, { latency: '100ms', protocol: 'icmp', localPorts: [1] }, /icmp has no ports/],
  [networkDelay, { latency: '100ms', localPorts: ['9-8'] }, /not a port/],
  [networkDelay, { latency: '100ms', peers: ['a b'] }, /not an address/],
  [networkLoss, {}, /percent/],
  [networkLoss, { model: 'nth', every: 3, packet: 3 }, /number 2/],
  [networkLoss, { percent: '101%' }, /between 0% and 100%/],
  [networkRate, { rate: '1' }, /not a rate/],
  [networkPartition, { action: 'reject', via: 'netem' }, /only the firewall/],
] as const)('%# wrong parameters are refused', (fault, params, says) => {
  const result = (fault as AnyFault).params.safeParse(params);
  expect(JSON.stringify(result.error?.issues)).toMatch(says);
});
