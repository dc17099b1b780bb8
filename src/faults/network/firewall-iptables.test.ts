import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { injection } from '../../../test/fixtures/injection.ts';
import { attach, testContext } from '../../../test/fixtures/living-target.ts';
import { makeWire, type Wire, wireMissing } from '../../../test/fixtures/network.ts';
import type { Netns } from '../../capabilities/netns.ts';
import { ZashikiError } from '../../core/errors.ts';
import { cutAfter, InjectCut } from '../contract/scissors.ts';
import type { AnyFault } from '../fault.ts';
import networkDelay from '../network-delay.ts';
import networkLoss from '../network-loss.ts';
import networkPartition from '../network-partition.ts';
import networkReset from '../network-reset.ts';

const unable = wireMissing();
const throughput = fileURLToPath(new URL('../../../test/fixtures/throughput.mjs', import.meta.url));

/** A machine without nft, whose iptables is of this kind. */
const machine = (kind: 'nft' | 'legacy') => (ns: Netns) => {
  const there = ([program = '', ...args]: readonly string[]): readonly string[] => {
    if (program === 'nft') throw new ZashikiError('not-supported', 'the program nft is not installed');
    return [program === 'iptables' ? `iptables-${kind}` : program, ...args];
  };
  return {
    ...ns,
    run: async (argv: readonly string[], options?: object) => ns.run(there(argv), options),
    trial: async (argv: readonly string[], options?: object) => ns.trial(there(argv), options),
  };
};

const lost = (on: Wire, to: string, count = 200): number => {
  const text = on.run(['ping', '-n', '-q', '-c', String(count), '-i', '0.005', '-W', '1', to]);
  const [, sent, received] = /(\d+) packets transmitted, (\d+) received/.exec(text) ?? [];
  if (sent === undefined) throw new Error(text);
  return 1 - Number(received) / Number(sent);
};

describe.each(['nft', 'legacy'] as const)('firewall rules by iptables-%s, without nft', (kind) => {
  const through = machine(kind);
  const start = (on: Wire, fault: AnyFault, params: object) => injection(on, fault, params, { through });

  /** A test in a real namespace, whose tables are there before, with a rule of somebody else each. */
  const real = (name: string, run: (on: Wire, state: () => string) => Promise<void>) =>
    test(name, { timeout: 120_000 }, async (context) => {
      if (unable) context.skip(unable);
      const on = await makeWire();
      onTestFinished(() => on.end());
      const theirs = { mangle: ['PREROUTING', 'POSTROUTING'], filter: ['INPUT', 'FORWARD', 'OUTPUT'] };
      for (const program of [`iptables-${kind}`, `ip6tables-${kind}`]) {
        for (const [table, chains] of Object.entries(theirs)) {
          for (const chain of chains) {
            const argv = [program, '-t', table, '-A', chain, '-p', 'tcp', '--dport', '4444', '-j', 'DROP'];
            if (on.run(argv) !== '') context.skip(`there is no ${program} here`);
          }
        }
      }
      const saved = () => [`iptables-${kind}-save`, `ip6tables-${kind}-save`].map((program) => on.run([program]));
      await run(on, () => `${on.snapshot()}\n${saved().join('\n')}`.replace(/^#.*$|\[\d+:\d+\]/gm, ''));
    });

  real('loss at random and of every n-th packet, at once, and neither lifts the other', async (on, state) => {
    const before = state();
    const random = await start(on, networkLoss, { percent: '30%', direction: 'ingress', via: 'firewall' });
    expect(random.how).toContain(`firewall rules by iptables (the program nft is not installed`);
    await random.inject();
    for (const peer of [on.peer.v4, on.peer.v6]) {
      expect(lost(on, peer, 300)).toBeGreaterThan(0.2);
      expect(lost(on, peer, 300)).toBeLessThan(0.4);
    }
    expect(await random.observe()).toMatchObject({ yes: true, detail: expect.stringContaining('a rule drops 30 %') });
    const nth = await start(on, networkLoss, { model: 'nth', every: 4, packet: 1, direction: 'ingress' });
    await nth.inject([random]);
    await nth.inject([random]);
    await random.recover([nth]);
    expect(await random.verify([nth])).toEqual({
      yes: true,
      detail: `no chain of it is in any table that iptables-${kind} shows`,
    });
    expect(lost(on, on.peer.v4, 200)).toBe(0.25);
    expect(await nth.verify()).toMatchObject({ yes: false });
    await nth.recover();
    await nth.recover();
    expect(await nth.verify()).toMatchObject({ yes: true });
    expect(state()).toBe(before);
  });

  real('a partition cuts off exactly those who are meant, and neighbors are still found', async (on, state) => {
    const before = state();
    const one = await start(on, networkPartition, { peers: ['10.77.0.1', 'fd77::1'] });
    await one.inject();
    expect([on.peer.v4, on.peer.v6, '10.77.0.3', 'fd77::3'].map((to) => lost(on, to, 5))).toEqual([1, 1, 0, 0]);
    expect(await one.observe()).toMatchObject({ yes: true, detail: expect.stringContaining('20 of 20') });
    await one.recover();
    const all = await start(on, networkPartition, { direction: 'ingress' });
    await all.inject();
    on.run(['ip', 'neigh', 'flush', 'dev', 'eth0']);
    expect([on.peer.v4, on.peer.v6].map((to) => lost(on, to, 5))).toEqual([1, 1]);
    for (const peer of [on.peer.v4, on.peer.v6]) {
      expect(on.run(['ip', 'neigh', 'show', 'to', peer])).toContain('lladdr');
    }
    on.run([`iptables-${kind}`, '-t', 'mangle', '-D', 'PREROUTING', '1']);
    expect(await all.observe()).toMatchObject({ yes: false });
    await all.recover();
    expect([on.peer.v4, on.peer.v6].map((to) => lost(on, to, 5))).toEqual([0, 0]);
    expect(state()).toBe(before);
  });

  real('connections are reset, new ones refused, and what is rejected is told so', async (on, state) => {
    const before = state();
    const server = on.startAtPeer([process.execPath, throughput, 'serve', '7001']);
    await once(server.stdout as NodeJS.ReadableStream, 'data');
    const client = on.start([process.execPath, throughput, 'up', on.peer.v4, '7001', '60000']);
    const said = once(client.stdout as NodeJS.ReadableStream, 'data');
    await expect.poll(() => on.run(['ss', '-tnH', 'state', 'established']), { timeout: 30_000 }).toContain(':7001');
    const one = await start(on, networkReset, { remotePorts: [7001] });
    await one.inject();
    expect(String((await said)[0]).trim()).toMatch(/ECONNRESET|EPIPE/);
    const asked = () => on.run([process.execPath, throughput, 'down', on.peer.v4, '7001', '500']).trim();
    expect(asked()).toBe('ECONNREFUSED');
    await one.recover();
    expect(Number(asked())).toBeGreaterThan(1e6);
    const told = await start(on, networkPartition, { action: 'reject', peers: ['10.77.0.3'] });
    await told.inject();
    expect(on.run(['ping', '-n', '-c', '1', '-W', '2', '10.77.0.3'])).toMatch(/Port Unreachable|not permitted/i);
    await told.recover();
    expect(state()).toBe(before);
  });

  real('rules let everything pass once their time is over', async (on) => {
    const one = await injection(on, networkPartition, {}, { through, ttl: -9000 });
    await one.inject();
    expect(lost(on, on.peer.v4, 2)).toBe(1);
    await expect.poll(() => lost(on, on.peer.v4, 2), { timeout: 20_000 }).toBe(0);
    expect(await one.verify()).toMatchObject({ yes: false });
  });

  real('recover works after any command of inject', async (on, state) => {
    const before = state();
    for (let calls = 0, more = true; more; calls++) {
      const context = await testContext();
      const own = await attach(on.target);
      const params = networkPartition.params.parse({ via: 'firewall' });
      const opened = (cut: <T extends object>(of: T) => T) => ({
        netns: { ...own.netns, open: async (id: string) => cut(through(await own.netns.open(id))) },
      });
      const whole = opened((of) => of);
      const undo = await networkPartition.plan(whole, params, context);
      more = await networkPartition.inject(opened(cutAfter(calls)), params, undo, context).then(
        () => false,
        (error: unknown) => {
          if (!(error instanceof InjectCut)) throw error;
          return true;
        },
      );
      await networkPartition.recover(whole, undo, context);
      expect(await networkPartition.verify(whole, undo, context)).toMatchObject({ yes: true });
      expect(state()).toBe(before);
    }
  });

  real('what is missing of both is said', async (on) => {
    const bare = (ns: Netns) => {
      const gone = async ([program = '']: readonly string[]) => {
        throw new ZashikiError('not-supported', `the program ${program} is not installed`);
      };
      const missing = ([program = '']: readonly string[]) => /^(nft|ip6?tables)/.test(program);
      return {
        ...ns,
        run: async (argv: readonly string[], options?: object) => (missing(argv) ? gone(argv) : ns.run(argv, options)),
        trial: async (argv: readonly string[], options?: object) =>
          missing(argv) ? gone(argv) : ns.trial(argv, options),
      };
    };
    await expect(injection(on, networkReset, {}, { through: bare })).rejects.toMatchObject({
      code: 'not-supported',
      message:
        'this cannot be done here; firewall: the program nft is not installed; the program iptables is not installed',
    });
    await expect(injection(on, networkDelay, { latency: '1ms', via: 'firewall' }, { through })).rejects.toThrow();
  });
});
