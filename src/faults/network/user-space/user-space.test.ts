import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, type TestContext, test } from 'vitest';
import { type End, type Pair, pair } from '../../../../test/fixtures/namespaces.ts';
import { connect, serve, transfer } from '../../../../test/fixtures/traffic.ts';
import { systemClock } from '../../../core/clock.ts';
import host from '../../../platforms/host/platform.ts';
import { workerProgram } from '../../parts/programs.ts';
import type { Effects, Traffic } from '../effects.ts';
import {
  planUserSpace,
  startUserSpace,
  stopUserSpace,
  type UserSpaceRecord,
  userSpaceIsGone,
  userSpaceIsOn,
  userSpaceMissing,
} from './index.ts';

const isRoot = process.getuid?.() === 0;
const hundred: Effects = { delay: { latencyUs: 100_000, jitterUs: 0, correlation: 0, distribution: 'uniform' } };
const delayOf = (ms: number): Effects => ({
  delay: { latencyUs: ms * 1000, jitterUs: 0, correlation: 0, distribution: 'uniform' },
});

let count = 0;
const contextOf = () => ({
  tag: `test-${process.pid}.i${count++}`,
  clock: systemClock,
  signal: new AbortController().signal,
});

let why: string | null = isRoot ? null : 'needs root: network namespaces';
let cable: Pair;
let near: End;
let far: End;

beforeAll(async () => {
  if (why) return;
  cable = await pair();
  ({ near, far } = cable);
  why = await userSpaceMissing(near.ns);
});
afterAll(() => cable?.remove());

interface On {
  readonly record: UserSpaceRecord;
  readonly context: ReturnType<typeof contextOf>;
  stop(): Promise<void>;
}

async function inject(effects: Effects, traffic: Traffic = { direction: 'egress' }, ttlMs = 60_000): Promise<On> {
  const context = contextOf();
  const planned = await planUserSpace(near.ns, { traffic, effects, seed: 7, ttlMs }, context);
  // As it comes back from the journal.
  const record = JSON.parse(JSON.stringify(planned)) as UserSpaceRecord;
  await startUserSpace(near.ns, record, context);
  return { record, context, stop: () => stopUserSpace(near.ns, record, context) };
}

/** Inject, look, stop; everything must be as it was. */
async function during<T>(effects: Effects, traffic: Traffic | undefined, look: (on: On) => T | Promise<T>): Promise<T> {
  const before = near.rules();
  const on = await inject(effects, traffic);
  try {
    return await look(on);
  } finally {
    await on.stop();
    expect(await userSpaceIsGone(near.ns, on.record)).toMatchObject({ yes: true });
    expect(near.rules()).toBe(before);
  }
}

interface Pings {
  readonly sent: number;
  readonly received: number;
  readonly duplicates: number;
  /** In the order of arrival. */
  readonly replies: readonly { readonly sequence: number; readonly ms: number }[];
}

function ping(to: string, times = 10, every = 0.02, patience = 1): Pings {
  // -U: as a program feels it; else a packet that comes in has its time from before it was held.
  const said = near.run(['ping', '-n', '-U', '-c', `${times}`, '-i', `${every}`, '-W', `${patience}`, to], {
    anyway: true,
  });
  const number = (pattern: RegExp) => Number(pattern.exec(said)?.[1] ?? 0);
  const replies = [...said.matchAll(/icmp_seq=(\d+) .*time=([\d.]+) ms/g)];
  return {
    sent: number(/(\d+) packets transmitted/),
    received: number(/(\d+) received/),
    duplicates: number(/\+(\d+) duplicates/),
    replies: replies.map(([, sequence, ms]) => ({ sequence: Number(sequence), ms: Number(ms) })),
  };
}

/** Bits per second at which so many bytes arrive at the far end. */
const rateOf = async (bytes: number) => (bytes * 8000) / (await transfer(near, far, bytes));

const fastest = ({ replies }: Pings) => Math.min(...replies.map(({ ms }) => ms));

describe('packets through a helper', () => {
  const real = (name: string, body: (context: TestContext) => Promise<void>) =>
    test(name, async (context) => {
      if (why) context.skip(why);
      await body(context);
    });

  real('a delay is felt by IPv4 and IPv6, and is over afterwards', async () => {
    await during(hundred, undefined, async ({ record }) => {
      const [v4, v6] = [ping(far.v4), ping(far.v6)];
      expect(v4.received).toBe(10);
      expect(v6.received).toBe(10);
      expect(fastest(v4)).toBeGreaterThanOrEqual(100);
      expect(fastest(v6)).toBeGreaterThanOrEqual(100);
      // Our own replies are egress too.
      expect(await userSpaceIsOn(near.ns, record)).toMatchObject({ yes: true });
    });
    expect(fastest(ping(far.v4))).toBeLessThan(100);
    expect(fastest(ping(far.v6))).toBeLessThan(100);
  });

  real('packets that come in', async () => {
    await during(hundred, { direction: 'ingress' }, () => expect(fastest(ping(far.v4))).toBeGreaterThanOrEqual(100));
    await during(hundred, { direction: 'both' }, () => expect(fastest(ping(far.v6))).toBeGreaterThanOrEqual(200));
  });

  real('loss of 30 %', async () => {
    const loss = { model: 'random', percent: 30, correlation: 0 } as const;
    const { sent, received } = await during({ loss }, undefined, () => ping(far.v4, 300, 0.002));
    expect(sent).toBe(300);
    expect(1 - received / sent).toBeGreaterThan(0.2);
    expect(1 - received / sent).toBeLessThan(0.4);
  });

  real('every second packet comes twice, over both protocols', async () => {
    const effects: Effects = { duplicate: { percent: 50, correlation: 0 } };
    for (const to of [far.v4, far.v6]) {
      const { sent, received, duplicates } = await during(effects, undefined, () => ping(to, 100, 0.01));
      expect(received).toBe(sent);
      expect(duplicates).toBeGreaterThan(25);
      expect(duplicates).toBeLessThan(75);
    }
  });

  real('a corrupt packet is seen as such by the receiver', async () => {
    const errors = () => {
      const [names, values] = far
        .run(['cat', '/proc/net/snmp'])
        .split('\n')
        .filter((line) => line.startsWith('Icmp:'))
        .map((line) => line.split(' '));
      return Number(values?.[names?.indexOf('InCsumErrors') ?? -1]);
    };
    const before = errors();
    const { received } = await during({ corrupt: { percent: 100, correlation: 0 } }, undefined, () => ping(far.v4));
    expect(received).toBe(0);
    expect(errors() - before).toBe(10);
  });

  real('some packets overtake others', async () => {
    const effects: Effects = { ...delayOf(50), reorder: { percent: 30, correlation: 0 } };
    const { replies } = await during(effects, undefined, () => ping(far.v4, 60, 0.01));
    expect(replies.some(({ sequence }, at) => sequence < (replies[at - 1]?.sequence ?? 0))).toBe(true);
    expect(replies.some(({ ms }) => ms < 50)).toBe(true);
    expect(replies.some(({ ms }) => ms >= 50)).toBe(true);
  });

  real('a rate is held', async () => {
    const bits = await during({ rate: { bitsPerSecond: 2e6 } }, undefined, () => rateOf(400_000));
    expect(bits).toBeLessThan(2.1e6);
    expect(bits).toBeGreaterThan(0.5e6);
  });

  real('a delay does not slow down TCP more than it must', async () => {
    // Two segments for each round trip would be 0.5 Mbit/s.
    expect(await during(delayOf(50), undefined, () => rateOf(4_000_000))).toBeGreaterThan(5e6);
  });

  real('only the peers that are asked for', async () => {
    far.run(['ip', 'address', 'add', '10.207.0.3/24', 'dev', far.device]);
    far.run(['ip', '-6', 'address', 'add', 'fd07:207::3/64', 'dev', far.device, 'nodad']);
    const traffic: Traffic = { direction: 'both', peers: ['10.207.0.3/32', 'fd07:207::3'] };
    await during(hundred, traffic, () => {
      expect(fastest(ping('10.207.0.3'))).toBeGreaterThanOrEqual(200);
      expect(fastest(ping('fd07:207::3'))).toBeGreaterThanOrEqual(200);
      expect(fastest(ping(far.v4))).toBeLessThan(100);
      expect(fastest(ping(far.v6))).toBeLessThan(100);
    });
  });

  real('only the protocol, the ports and the device that are asked for', async () => {
    const ports = [7001, 7002, 7003] as const;
    await serve(far, ports);
    const [hit, alsoHit, missed] = ports;
    const remotePorts = [
      [hit, hit],
      [7010, 7900],
      ...Array.from({ length: 20 }, (_, at) => [8000 + at * 2, 8000 + at * 2] as const),
      [alsoHit, alsoHit],
    ] as const;
    await during(hundred, { direction: 'egress', remotePorts, interface: near.device }, () => {
      expect(connect(near, far.v4, hit)).toBeGreaterThanOrEqual(100);
      expect(connect(near, far.v6, alsoHit)).toBeGreaterThanOrEqual(100);
      expect(connect(near, far.v4, missed)).toBeLessThan(100);
      expect(fastest(ping(far.v4))).toBeLessThan(100);
    });
    await during(hundred, { direction: 'ingress', remotePorts: [[hit, hit]], protocol: 'tcp' }, () => {
      expect(connect(near, far.v4, hit)).toBeGreaterThanOrEqual(100);
      expect(connect(near, far.v4, missed)).toBeLessThan(100);
    });
    await during(hundred, { direction: 'egress', protocol: 'icmp' }, () => {
      expect(connect(near, far.v4, hit)).toBeLessThan(100);
      expect(fastest(ping(far.v6))).toBeGreaterThanOrEqual(100);
    });
    await during(hundred, { direction: 'egress', interface: 'veth9' }, () =>
      expect(fastest(ping(far.v4))).toBeLessThan(100),
    );
  });

  real('four at once add up, a fifth is refused, and they go in any order', async () => {
    const before = near.rules();
    const all = [];
    for (let at = 0; at < 4; at++) all.push(await inject(delayOf(50)));
    expect(fastest(ping(far.v4, 5))).toBeGreaterThanOrEqual(200);
    await expect(inject(delayOf(50))).rejects.toMatchObject({ code: 'not-supported' });
    for (const at of [1, 3, 0]) await all[at]?.stop();
    expect(fastest(ping(far.v4, 20))).toBeGreaterThanOrEqual(50);
    expect(fastest(ping(far.v4, 20))).toBeLessThan(200);
    await all[2]?.stop();
    expect(near.rules()).toBe(before);
  });

  real('helpers do not hand packets to each other for ever', async () => {
    const before = near.rules();
    const twice: Effects = { duplicate: { percent: 100, correlation: 0 }, ...delayOf(10) };
    const [one, other] = [await inject(twice), await inject(twice)];
    const { received, duplicates } = ping(far.v4, 5, 0.1);
    await one.stop();
    await other.stop();
    expect(received).toBe(5);
    // Ping ends with the last reply, and may not count its duplicates.
    expect(duplicates).toBeGreaterThanOrEqual(12);
    expect(duplicates).toBeLessThanOrEqual(15);
    expect(near.rules()).toBe(before);
  });

  real('packets pass at once when the helper is killed; then recover takes the rules away', async () => {
    const before = near.rules();
    const on = await inject(hundred);
    expect(fastest(ping(far.v4, 3))).toBeGreaterThanOrEqual(100);
    for (const pid of await near.ns.find(on.context.tag)) process.kill(pid, 'SIGKILL');
    await expect.poll(() => fastest(ping(far.v4, 3))).toBeLessThan(100);
    expect(await userSpaceIsOn(near.ns, on.record)).toMatchObject({ yes: false });
    expect(await userSpaceIsGone(near.ns, on.record)).toMatchObject({ yes: false });
    // And inject brings it back.
    await startUserSpace(near.ns, on.record, on.context);
    expect(fastest(ping(far.v4, 3))).toBeGreaterThanOrEqual(100);
    await on.stop();
    await on.stop();
    expect(near.rules()).toBe(before);
  });

  real('the helper ends when its time is up, and lets go of what it holds', async () => {
    const on = await inject(delayOf(30_000), undefined, 1);
    // A reply after seconds, not after the half minute of the delay.
    const { received, replies } = ping(far.v4, 1, 1, 25);
    expect(received).toBe(1);
    expect(replies[0]?.ms).toBeLessThan(25_000);
    await expect.poll(() => near.ns.find(on.context.tag), { timeout: 20_000 }).toEqual([]);
    expect(fastest(ping(far.v4, 3))).toBeLessThan(100);
    await on.stop();
    expect(await userSpaceIsGone(near.ns, on.record)).toMatchObject({ yes: true });
  });

  real('rules of others stay, and their tables are left alone', async () => {
    near.run(['iptables', '-t', 'mangle', '-A', 'OUTPUT', '-d', '10.9.9.9', '-j', 'MARK', '--set-mark', '7']);
    near.run(['ip6tables', '-t', 'security', '-A', 'INPUT', '-s', 'fd99::/64', '-j', 'DROP']);
    near.run(['nft', 'add', 'table', 'inet', 'theirs']);
    near.run(['nft', 'add', 'chain', 'inet', 'theirs', 'c', '{ type filter hook output priority 10; }']);
    near.run(['nft', 'add', 'rule', 'inet', 'theirs', 'c', 'counter']);
    const before = near.rules().replace(/packets \d+ bytes \d+/g, '');
    const on = await inject(hundred, { direction: 'both' });
    expect(fastest(ping(far.v4, 3))).toBeGreaterThanOrEqual(200);
    expect(near.run(['iptables-save', '-t', 'filter'])).toContain('NFQUEUE');
    await on.stop();
    expect(near.rules().replace(/packets \d+ bytes \d+/g, '')).toBe(before);

    near.run(['iptables', '-A', 'INPUT', '-s', '10.9.9.9', '-j', 'DROP']);
    near.run(['iptables', '-t', 'raw', '-A', 'OUTPUT', '-d', '10.9.9.9', '-j', 'DROP']);
    await expect(inject(hundred, { direction: 'both' })).rejects.toMatchObject({
      code: 'not-supported',
      hint: expect.stringContaining('where others have rules'),
    });
  });

  real('a machine that has iptables-legacy only', async (context) => {
    if (spawnSync('iptables-legacy-save').status !== 0) context.skip('needs iptables-legacy');
    const other = await pair();
    const { ns } = other.near;
    const rules = () => other.near.run(['iptables-legacy-save']) + other.near.run(['ip6tables-legacy-save']);
    try {
      const own = contextOf();
      const asked = { traffic: { direction: 'both' }, effects: hundred, seed: 1, ttlMs: 60_000 } as const;
      const planned = await planUserSpace(ns, asked, own);
      const record = { ...planned, tools: { prefix: 'iptables-legacy', kind: 'legacy', nft: false } } as const;
      await startUserSpace(ns, record, own);
      await startUserSpace(ns, record, own);
      expect(rules().match(/-j NFQUEUE/g)).toHaveLength(4);
      expect(await userSpaceIsOn(ns, record)).toMatchObject({ yes: true });
      await stopUserSpace(ns, record, own);
      await stopUserSpace(ns, record, own);
      expect(await userSpaceIsGone(ns, record)).toMatchObject({ yes: true });
      // Tables of this kind cannot be taken away again; they are empty.
      expect(rules()).not.toMatch(/ZSK|NFQUEUE|-A/);
    } finally {
      other.remove();
    }
  });

  real('whoever is killed between two programs of recover leaves enough for the next one', async () => {
    const other = await pair();
    const { ns } = other.near;
    try {
      const before = other.near.rules();
      const asked = { traffic: { direction: 'ingress' }, effects: hundred, seed: 1, ttlMs: 60_000 } as const;
      for (let programs = 0, whole = false; !whole; programs++) {
        const context = contextOf();
        const record = await planUserSpace(ns, asked, context);
        await startUserSpace(ns, record, context);
        let left = programs;
        const cut: typeof ns = {
          ...ns,
          run: (argv, options) => (left-- > 0 ? ns.run(argv, options) : Promise.reject(new Error('killed'))),
        };
        whole = await stopUserSpace(cut, record, context).then(
          () => true,
          () => false,
        );
        await stopUserSpace(ns, record, context);
        expect(other.near.rules(), `after ${programs} programs`).toBe(before);
      }
    } finally {
      other.remove();
    }
  });

  real('a rule that somebody adds to a table of ours while it is on survives', async () => {
    const other = await pair();
    try {
      const context = contextOf();
      const asked = { traffic: { direction: 'egress' }, effects: hundred, seed: 1, ttlMs: 60_000 } as const;
      const record = await planUserSpace(other.near.ns, asked, context);
      await startUserSpace(other.near.ns, record, context);
      other.near.run(['iptables', '-t', 'mangle', '-A', 'OUTPUT', '-d', '10.9.9.9', '-j', 'DROP']);
      await stopUserSpace(other.near.ns, record, context);
      const left = other.near.run(['iptables-save', '-t', 'mangle']).split('\n');
      expect(left.filter((line) => line.startsWith('-A'))).toEqual(['-A OUTPUT -d 10.9.9.9/32 -j DROP']);
      expect(left.join('\n')).not.toContain('ZSK');
    } finally {
      other.remove();
    }
  });
});

test('what cannot be done is refused, and says what can', async (context) => {
  if (why) context.skip(why);
  const plan = (traffic: Traffic, effects: Effects = hundred) =>
    planUserSpace(near.ns, { traffic, effects, seed: 1, ttlMs: null }, contextOf());
  const refused = (hint: string) => ({ code: 'not-supported', hint: expect.stringContaining(hint) });
  const duplicate = { percent: 1, correlation: 0 };
  await expect(plan({ direction: 'both' }, { duplicate })).rejects.toMatchObject(refused('direction: egress'));
  await expect(plan({ direction: 'egress', interface: 'a\n-A' })).rejects.toMatchObject(refused('ip link'));
  await expect(plan({ direction: 'egress', peers: ['db.local'] })).rejects.toMatchObject(refused('10.0.0.0/8'));
});

test('an ordinary user is told what is missing', async (context) => {
  if (isRoot) context.skip('needs an ordinary user');
  const [target] = await host.discover(host.selector.parse({ pid: process.pid }));
  if (!target) return expect.unreachable();
  const { netns } = await host.attach(target);
  const ns = await netns?.open((await netns.identify()).id);
  if (!ns) return expect.unreachable();
  expect(await userSpaceMissing(ns)).toMatch(/permission|not permitted|root|not installed|CAP_SYS_ADMIN/i);
  const asked = { traffic: { direction: 'egress' }, effects: hundred, seed: 1, ttlMs: null } as const;
  await expect(planUserSpace(ns, asked, contextOf())).rejects.toMatchObject({
    code: expect.stringMatching(/permission-missing|not-supported/),
  });
});

test.for(['perl', 'python3'])('%s passes messages between the kernel and the helper', async (relay, context) => {
  if (!isRoot) context.skip('needs root: a network namespace');
  if (spawnSync(relay, ['--version']).status !== 0) context.skip(`needs ${relay}`);
  if (why) context.skip(why);
  const argv = workerProgram('packets', ['--relay', relay, '--queue', '3', '--check', '1']);
  const done = spawnSync('unshare', ['--net', ...argv], { encoding: 'utf8' });
  expect([done.status, done.stderr]).toEqual([0, '']);
});
