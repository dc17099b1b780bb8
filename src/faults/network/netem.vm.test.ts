import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, expect, onTestFinished, test } from 'vitest';
import { attach, testContext } from '../../../test/fixtures/living-target.ts';
import { makeWire, type Wire } from '../../../test/fixtures/network.ts';
import type { Json } from '../../core/model.ts';
import host from '../../platforms/host/platform.ts';
import { testFault } from '../contract.ts';
import type { AnyFault } from '../fault.ts';
import networkCombine from '../network-combine.ts';
import networkCorrupt from '../network-corrupt.ts';
import networkDelay from '../network-delay.ts';
import networkDuplicate from '../network-duplicate.ts';
import networkLoss from '../network-loss.ts';
import networkPartition from '../network-partition.ts';
import networkRate from '../network-rate.ts';
import networkReorder from '../network-reorder.ts';

const throughput = fileURLToPath(new URL('../../../test/fixtures/throughput.mjs', import.meta.url));

// One for all: each test leaves it, byte by byte, as it was.
let on: Wire;
let before: string;
beforeAll(async () => {
  on = await makeWire();
  before = on.snapshot();
});
afterAll(() => on?.end());
afterEach(() => expect(on.snapshot()).toBe(before));

type Others = readonly { readonly undo: Json }[];

async function injection(fault: AnyFault, params: object) {
  const context = await testContext();
  const capabilities = await attach(on.target);
  const parsed = fault.params.parse(params);
  const undo = (await fault.plan(capabilities, parsed, context)) as Json;
  const beside = (others: Others = []) => ({ ...context, siblings: () => others.map((one) => one.undo) });
  let isOn = false;
  const recover = async (others?: Others) => {
    await fault.recover(capabilities, undo, beside(others));
    isOn = false;
  };
  onTestFinished(async () => {
    if (isOn) await recover();
    await rm(context.keep, { recursive: true, force: true });
  });
  return {
    ...{ undo, recover },
    how: fault.describe?.(undo) ?? '',
    async inject(others?: Others) {
      isOn = true;
      await fault.inject(capabilities, parsed, undo, beside(others));
    },
    observe: () => fault.observe(capabilities, parsed, undo, context),
    verify: (others?: Others) => fault.verify(capabilities, undo, beside(others)),
  };
}

/** A fault that is on from now on. It works by netem, or the test fails. */
async function injected(fault: AnyFault, params: object, others?: Others) {
  const one = await injection(fault, params);
  expect(one.how).toContain('netem on ifb');
  await one.inject(others);
  return one;
}

/** Round trips of pings; the first one, which looks for its neighbor, does not count. */
function pings(to: string, count = 10, more: readonly string[] = ['-i', '0.02']) {
  on.run(['ping', '-n', '-c', '1', '-W', '5', to]);
  // Ping waits for twice the longest round trip; a wrong bit in its time stamp makes that years.
  const text = on.run(['timeout', '-s', 'INT', '40', 'ping', '-n', '-c', String(count), '-W', '5', ...more, to]);
  const times = [...text.matchAll(/time=([\d.]+)/g)].map((match) => Number(match[1]));
  const [, sent, received] = /(\d+) packets transmitted, (\d+) received/.exec(text) ?? [];
  const sorted = times.toSorted((a, b) => a - b);
  return {
    ...{ text, lost: 1 - Number(received) / Number(sent), least: sorted[0] ?? Number.NaN },
    median: sorted[Math.floor(sorted.length / 2)] ?? Number.NaN,
    doubled: [...text.matchAll(/DUP!/g)].length,
    // What was sent comes back as something else, or with a time stamp of another day.
    spoiled:
      ([...text.matchAll(/^wrong data byte/gm)].length + times.filter((ms) => ms === 0 || ms > 60_000).length) /
      Number(sent),
    order: [...text.matchAll(/seq=(\d+)/g)].map((match) => Number(match[1])),
  };
}

/** Many pings in a short time, without much patience for the last ones. */
const flood = (to: string, count: number) => pings(to, count, ['-i', '0.005', '-W', '1']);

/** An emulated machine may be late at any time, but not every time. */
const tries = 8;

/** Never less than the delay that was asked for; and a quarter more, or 15 ms, is more than it ever needs. */
function expectDelay(to: string, ms: number): void {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < tries && !(least < Math.max(ms * 1.25, ms + 15)); i++) {
    const seen = pings(to, 8);
    expect(seen.least, seen.text).toBeGreaterThanOrEqual(ms);
    least = Math.min(least, seen.least);
  }
  expect(least).toBeLessThan(Math.max(ms * 1.25, ms + 15));
}

/** Most packets are not delayed. */
function quick(to: string): void {
  let median = Number.POSITIVE_INFINITY;
  for (let i = 0; i < tries && !(median < 10); i++) median = pings(to, 8).median;
  expect(median).toBeLessThan(10);
}

test.each([
  ['egress', 100],
  ['ingress', 100],
  ['both', 200],
] as const)('100 ms %s are %d ms of round trip, by IPv4 and IPv6', async (direction, ms) => {
  const one = await injection(networkDelay, { latency: '100ms', direction });
  expect(one.how).toBe(`netem on ifb, ${direction === 'both' ? 'egress and ingress' : direction} of eth0`);
  await one.inject();
  expectDelay(on.peer.v4, ms);
  expectDelay(on.peer.v6, ms);
  const detail = expect.stringMatching(/round trip \d+.* ms, before/);
  expect(await one.observe()).toMatchObject({ yes: true, detail });
  await one.recover();
  expect(await one.verify()).toMatchObject({ yes: true });
  quick(on.peer.v4);
  quick(on.peer.v6);
});

test('a delay with a fraction of a millisecond, and one with jitter', async () => {
  const small = await injected(networkDelay, { latency: '5.5ms' });
  expect(pings(on.peer.v4).least).toBeGreaterThanOrEqual(5.5);
  await small.recover();
  const shaky = await injected(networkDelay, { latency: '60ms', jitter: '30ms', distribution: 'normal' });
  const { median, least, lost } = pings(on.peer.v4, 60);
  expect(median).toBeGreaterThan(45);
  expect(least).toBeLessThan(50);
  expect(lost).toBeLessThan(1);
  await shaky.recover();
});

test.each([
  [{ percent: '30%', direction: 'egress' }, 'v4'],
  [{ model: 'gemodel', pg: 30, pb: 70, direction: 'ingress' }, 'v6'],
  [{ model: 'state', p13: 30, p31: 70, direction: 'egress' }, 'v6'],
  [{ percent: '30%', direction: 'ingress' }, 'v4'],
] as const)('loss: %o by IP%s', async (params, family) => {
  const one = await injected(networkLoss, params);
  const { lost } = flood(on.peer[family], 300);
  expect(lost).toBeGreaterThan(0.18);
  expect(lost).toBeLessThan(0.42);
  expect(await one.observe()).toMatchObject({ yes: true });
  await one.recover();
  expect(flood(on.peer[family], 50).lost).toBe(0);
});

test.each([
  ['egress', 'v4', 'v6'],
  ['ingress', 'v6', 'v4'],
] as const)('duplicates and corruption, %s', async (direction, one, other) => {
  const twice = await injected(networkDuplicate, { percent: '50%', direction });
  expect(flood(on.peer[one], 100).doubled).toBeGreaterThan(25);
  expect(await twice.observe()).toMatchObject({ yes: true, detail: expect.stringContaining('came twice') });
  await twice.recover();
  const corrupt = await injected(networkCorrupt, { percent: '100%', direction });
  // A wrong bit is lost on its way by its checksum, or arrives, or is where nobody looks, as in a MAC address.
  const seen = flood(on.peer[other], 100);
  expect(seen.lost + seen.spoiled, seen.text).toBeGreaterThan(0.6);
  const detail = expect.stringMatching(/round trips lost|answers spoiled/);
  expect(await corrupt.observe()).toMatchObject({ yes: true, detail });
  await corrupt.recover();
  const { lost, doubled, spoiled } = flood(on.peer[other], 50);
  expect({ lost, doubled, spoiled }).toEqual({ lost: 0, doubled: 0, spoiled: 0 });
});

test.each([
  ['egress', 'v4'],
  ['ingress', 'v6'],
] as const)('some packets overtake others, %s', async (direction, family) => {
  const one = await injected(networkReorder, { percent: '30%', latency: '100ms', direction });
  const { order, least, median } = pings(on.peer[family], 60);
  expect(order).not.toEqual(order.toSorted((a, b) => a - b));
  expect(least).toBeLessThan(50);
  expect(median).toBeGreaterThanOrEqual(100);
  expect(await one.observe()).toMatchObject({ yes: true });
  await one.recover();
});

test.each([
  ['egress', 'up', 'v4'],
  ['ingress', 'down', 'v6'],
] as const)('a rate, %s', async (direction, way, family) => {
  const bits = async () => {
    const server = on.startAtPeer([process.execPath, throughput, 'serve', '7001']);
    await once(server.stdout as NodeJS.ReadableStream, 'data');
    const got = Number(on.run([process.execPath, throughput, way, on.peer[family], '7001', '4000']));
    server.kill('SIGKILL');
    await once(server, 'exit');
    return got;
  };
  const one = await injected(networkRate, { rate: '2mbit', direction });
  const slow = await bits();
  expect(slow).toBeGreaterThan(0.5e6);
  expect(slow).toBeLessThan(2.4e6);
  await one.recover();
  expect(await bits()).toBeGreaterThan(2 * slow);
});

test.each([
  ['egress', 'v4'],
  ['ingress', 'v6'],
] as const)('a partition by netem, %s: unlike a rule, it does not tell the sender', async (direction, family) => {
  const cut = await injected(networkPartition, { via: 'netem', direction });
  const { text, lost } = pings(on.peer[family], 5, ['-i', '0.02', '-W', '1']);
  expect([lost, text.includes('not permitted')]).toEqual([1, false]);
  await cut.recover();
  expect(pings(on.peer[family], 5).lost).toBe(0);
});

// In both directions: where only one matched, the round trip would be shorter.
test.each([
  [{ peers: ['10.77.0.3', 'fd77::3'] }, ['10.77.0.3', 'fd77::3'], ['10.77.0.1', 'fd77::1']],
  [{ protocol: 'icmp' }, ['10.77.0.3', 'fd77::1'], []],
  [{ protocol: 'udp' }, [], ['10.77.0.3', 'fd77::1']],
  [{ remotePorts: ['1-65535'] }, [], ['10.77.0.1', 'fd77::1']],
  [{ peers: ['10.77.0.0/31'], remotePorts: [80], match: 'any' }, ['10.77.0.1'], ['10.77.0.3', 'fd77::1']],
] as const)('only what matches %o is delayed', async (params, delayed, free) => {
  const one = await injected(networkDelay, { latency: '30ms', direction: 'both', ...params });
  for (const peer of delayed) expectDelay(peer, 60);
  for (const peer of free) quick(peer);
  await one.recover();
});

test('three at once act together, and go in another order than they came', async () => {
  const icmp = { direction: 'both', peers: ['10.77.0.0/24'], protocol: 'icmp' };
  const all = [
    await injection(networkDelay, { latency: '40ms' }),
    await injection(networkDelay, { latency: '160ms', peers: ['10.77.0.3'] }),
    await injection(networkDelay, { latency: '40ms', ...icmp }),
  ];
  const standing = new Set<number>();
  const expected = (to3: boolean) =>
    (standing.has(0) ? 40 : 0) + (standing.has(1) && to3 ? 160 : 0) + (standing.has(2) ? 80 : 0);
  const check = () => {
    for (const peer of ['10.77.0.1', '10.77.0.3']) {
      const ms = expected(peer.endsWith('3'));
      if (ms === 0) quick(peer);
      else expectDelay(peer, ms);
    }
  };
  const others = (index: number) => all.filter((_, i) => standing.has(i) && i !== index);
  for (const index of [0, 1, 2]) {
    await all[index]?.inject(others(index));
    standing.add(index);
    check();
  }
  for (const index of [1, 0, 2]) {
    standing.delete(index);
    await all[index]?.recover(others(index));
    expect(await all[index]?.verify(others(index))).toMatchObject({ yes: true });
    check();
  }
});

test('nothing is lost, and nothing passes undelayed, while another injection comes and goes', async () => {
  const first = await injected(networkDelay, { latency: '100ms' });
  pings(on.peer.v4, 2);
  const ping = on.start(['ping', '-n', '-i', '0.02', on.peer.v4]);
  let said = '';
  ping.stdout?.on('data', (data) => {
    said += data;
  });
  const ended = once(ping, 'close');
  const second = await injected(networkDelay, { latency: '50ms', peers: ['10.77.0.3'] }, [first]);
  await second.recover([first]);
  ping.kill('SIGINT');
  await ended;
  const times = [...said.matchAll(/time=([\d.]+)/g)].map((match) => Number(match[1]));
  const seen = new Set([...said.matchAll(/seq=(\d+)/g)].map((match) => Number(match[1])));
  expect(times.length).toBeGreaterThan(50);
  expect(Math.min(...times)).toBeGreaterThanOrEqual(100);
  // Those that were on their way at the end do not count.
  const all = Array.from({ length: Math.max(...seen) - 10 }, (_, index) => index + 1);
  expect(all.filter((number) => !seen.has(number))).toEqual([]);
  await first.recover();
});

test('all effects at once', async () => {
  const one = await injected(networkCombine, {
    delay: { latency: '50ms', jitter: '5ms' },
    loss: { percent: '20%' },
    duplicate: { percent: '20%' },
    rate: { rate: '10mbit' },
    direction: 'both',
  });
  const { median, lost, doubled } = flood(on.peer.v4, 200);
  expect(median).toBeGreaterThan(85);
  expect(lost).toBeGreaterThan(0.05);
  expect(doubled).toBeGreaterThan(10);
  await one.recover();
});

test('foreign qdiscs stay, with what they do', async () => {
  const usual = { on, before };
  on = await makeWire();
  onTestFinished(async () => {
    await on.end();
    ({ on, before } = usual);
  });
  for (const line of [
    'tc qdisc add dev eth0 root handle 9: prio',
    'tc qdisc add dev eth0 parent 9:1 handle 91: sfq',
    'tc qdisc add dev eth0 parent 9:2 handle 92: netem delay 30ms',
    'tc filter add dev eth0 parent 9: protocol ip pref 5 u32 match ip dst 10.77.0.0/24 flowid 9:2',
    'tc qdisc add dev eth0 clsact',
    'tc filter add dev eth0 egress protocol ip pref 5 flower dst_ip 10.77.0.9 action drop',
  ]) {
    expect(on.run(line.split(' ')), line).toBe('');
  }
  before = on.snapshot();
  const one = await injected(networkDelay, { latency: '50ms', direction: 'both' });
  expectDelay(on.peer.v4, 130);
  expect(pings('10.77.0.9', 3, ['-W', '1']).lost).toBe(1);
  await one.recover();
  expectDelay(on.peer.v4, 30);
});

// Other processes are tested outside with tbf on the same rig; kills of the whole program in test/kill.
testFault(networkDelay, {
  test: (name, run) => test(name, run),
  platform: host,
  cutEvery: 4,
  async specimen() {
    const made = await makeWire();
    return {
      target: made.target,
      params: { latency: '30ms', direction: 'both' },
      snapshot: async () => made.snapshot(),
      end: made.end,
    };
  },
});
