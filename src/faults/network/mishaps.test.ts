import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readlinkSync } from 'node:fs';
import { expect, onTestFinished, type TestContext, test } from 'vitest';
import { injection } from '../../../test/fixtures/injection.ts';
import { attach } from '../../../test/fixtures/living-target.ts';
import { makeWire, type Wire, wireMissing } from '../../../test/fixtures/network.ts';
import type { Finished, Netns } from '../../capabilities/netns.ts';
import { ZashikiError } from '../../core/errors.ts';
import type { AnyFault } from '../fault.ts';
import networkDelay from '../network-delay.ts';
import networkDown from '../network-down.ts';
import networkLoss from '../network-loss.ts';
import networkPartition from '../network-partition.ts';
import networkRate from '../network-rate.ts';
import { addIptables, iptablesAreOn, planIptables, removeIptables } from './firewall-iptables.ts';

const unable = wireMissing();

/** A test in a real namespace; skipped, with the reason, where none can be made. */
const real = (name: string, run: (on: Wire, context: TestContext) => Promise<void>) =>
  test(name, { timeout: 120_000 }, async (context) => {
    if (unable) context.skip(unable);
    const on = await makeWire();
    onTestFinished(() => on.end());
    await run(on, context);
  });

/** Set up the namespace by hand; every line must succeed in silence. */
function byHand(on: Wire, ...lines: readonly string[]): void {
  for (const line of lines) expect(on.run(line.split(' ')), line).toBe('');
}

/** A program that is killed, or refused memory, whenever `when` says so. */
const failing = (when: (argv: readonly string[]) => boolean) => (ns: Netns) => ({
  ...ns,
  run: (argv: readonly string[], options?: object): Promise<Finished> =>
    when(argv) ? Promise.resolve({ code: -1, stdout: '', stderr: 'Cannot allocate memory' }) : ns.run(argv, options),
});

const open = async (on: Wire): Promise<Netns> => {
  const { netns } = await attach(on.target);
  return netns.open((await netns.identify()).id);
};

const rate = { rate: '2mbit', via: 'tbf' };

// ── A program that fails says nothing ───────────────────────────────────────────────────────────────────────────────

real(
  'a tc that fails is not taken for a device without filters: clsact stays, with what others have put there',
  async (on) => {
    let broken = false;
    const through = failing((argv) => broken && argv.includes('filter') && argv.includes('show'));
    const one = await injection(on, networkRate, rate, { through });
    await one.inject();
    byHand(on, 'tc filter add dev eth0 ingress protocol ip pref 7 u32 match ip src 10.77.0.8/32 flowid 1:7');
    broken = true;
    await expect(one.recover()).rejects.toThrow(/tc -j filter show/);
    broken = false;
    await one.recover();
    expect(await one.verify()).toMatchObject({ yes: true });
    expect(on.run(['tc', 'filter', 'show', 'dev', 'eth0', 'ingress'])).toContain('pref 7');
  },
);

real('an nft that fails is not taken for rules that are gone', async (on) => {
  let broken = false;
  const through = failing((argv) => broken && argv[0] === 'nft');
  const one = await injection(on, networkPartition, {}, { through });
  await one.inject();
  broken = true;
  await expect(one.verify()).rejects.toThrow(/nft list table/);
  broken = false;
  expect(await one.verify()).toMatchObject({ yes: false });
  await one.recover();
  expect(await one.verify()).toMatchObject({ yes: true });
});

real('rules of which somebody has taken some away are not called on', async (on) => {
  const one = await injection(on, networkPartition, { direction: 'ingress', via: 'firewall' });
  await one.inject();
  const table = /table inet (\S+)/.exec(on.run(['nft', 'list', 'ruleset']))?.[1] ?? '';
  byHand(on, `nft flush chain inet ${table} in`);
  expect(await one.observe()).toEqual({ yes: false, detail: 'the rules are there in part only' });
  expect(await one.verify()).toEqual({ yes: false, detail: `the table inet ${table} is still there` });
  await one.recover();
  expect(await one.verify()).toEqual({ yes: true, detail: `there is no table inet ${table}` });
});

for (const without of [[], ['perl'], ['perl', 'python3']] as const) {
  const by = ['perl', 'python3'].find((one) => !without.some((missing) => missing === one)) ?? 'nft alone';
  real(`what others put into a table of ours while it is taken away survives, by ${by}`, async (on) => {
    const before = on.snapshot();
    let last = false;
    const done = new Set<string>();
    // Their rules come at the last moment, behind our look.
    const through = (ns: Netns) => ({
      ...ns,
      run: async (argv: readonly string[], options?: { readonly input?: string }): Promise<Finished> => {
        if (without.some((missing) => missing === argv[0])) throw new ZashikiError('not-supported', 'not installed');
        const [, family = ''] = /delete \w+ (ip6?) mangle/.exec(options?.input ?? '') ?? [];
        if (last && !done.has(family) && family !== '') {
          done.add(family);
          on.run([
            family === 'ip6' ? 'ip6tables' : 'iptables',
            '-t',
            'mangle',
            '-A',
            'POSTROUTING',
            '-p',
            'tcp',
            '--dport',
            '9',
            '-j',
            'DROP',
          ]);
        }
        return await ns.run(argv, options);
      },
    });
    for (last of [false, true]) {
      const rules = await planIptables(await through(await open(on)), {
        ...{ tag: 'test.i1', traffic: { direction: 'egress' }, until: null },
        verdict: { action: 'drop', percent: 1 },
      });
      if (typeof rules === 'string') throw new Error(rules);
      const ns = through(await open(on));
      await addIptables(ns, rules);
      await removeIptables(ns, rules);
      expect(await iptablesAreOn(ns, rules)).toBe('absent');
      if (!last) expect(on.snapshot()).toBe(before);
    }
    for (const program of ['iptables-save', 'ip6tables-save']) {
      expect(on.run([program, '-t', 'mangle'])).toContain('-A POSTROUTING -p tcp -m tcp --dport 9 -j DROP');
    }
  });
}

// ── What others do meanwhile ────────────────────────────────────────────────────────────────────────────────────────

real('network-down gives back the routes of its own device, and none that others have taken away since', async (on) => {
  byHand(
    on,
    'ip link add other type veth peer name rehto',
    'ip link set other up',
    'ip addr add 10.79.0.1/24 dev other',
    'ip route add 192.0.2.0/24 via 10.79.0.7 dev other',
    'ip route add blackhole 192.0.3.0/24',
    'ip route add 198.51.100.0/24 via 10.77.0.3',
    'ip route add 203.0.113.0/24 nexthop via 10.77.0.1 dev eth0 nexthop via 10.79.0.7 dev other',
  );
  const before = on.run(['ip', 'route']);
  const one = await injection(on, networkDown, { interface: 'eth0' });
  await one.inject();
  byHand(on, 'ip route del 192.0.2.0/24', 'ip route del blackhole 192.0.3.0/24');
  await one.recover();
  expect(await one.verify()).toMatchObject({ yes: true });
  const left = before.split('\n').filter((line) => !/192\.0\.[23]/.test(line));
  expect(on.run(['ip', 'route']).split('\n').sort()).toEqual(left.sort());
});

real('an ingress qdisc of somebody else is said at plan time, another way is taken, and it stays', async (on) => {
  byHand(on, 'tc qdisc add dev eth0 ingress');
  const before = on.snapshot();
  const plan = (fault: AnyFault, params: object) => injection(on, fault, params);
  const taken = 'eth0 has an ingress qdisc of somebody else, which leaves no room for clsact';
  await expect(plan(networkRate, rate)).rejects.toMatchObject({
    code: 'not-supported',
    message: `this cannot be done here; tbf: ${taken}`,
    hint: 'leave out `via`, or take netem or user-space',
  });
  await expect(plan(networkRate, { rate: '2mbit', burst: 5000 })).rejects.toMatchObject({
    hint: expect.stringContaining('name another device by `interface`'),
  });
  const loss = await plan(networkLoss, { percent: '50%' });
  expect(loss.how).toBe(`firewall rules, egress of eth0 (not netem: ${taken})`);
  const slow = await plan(networkRate, { rate: '2mbit' });
  expect(slow.how).toBe(`user space, egress of eth0 (not netem: ${taken}; not tbf: ${taken})`);
  await loss.inject();
  expect(await loss.observe()).toMatchObject({ yes: true });
  await loss.recover();
  expect(on.snapshot()).toBe(before);
});

// ── Others of ours ──────────────────────────────────────────────────────────────────────────────────────────────────

real('recovery of one injection is not blocked by another that cannot be built anew', async (on) => {
  const before = on.snapshot();
  let broken = false;
  const through = failing((argv) => broken && argv.includes('-batch'));
  const one = await injection(on, networkRate, { ...rate, direction: 'both' }, { through });
  await one.inject();
  const other = await injection(on, networkRate, { rate: '3mbit', via: 'tbf' }, { through });
  await other.inject([one]);
  broken = true;
  await one.recover([other]);
  expect(await one.verify([other])).toMatchObject({
    yes: true,
    detail: expect.stringContaining('nor are 1 of 1 others that should be on here'),
  });
  expect(await other.observe()).toMatchObject({ yes: false });
  await other.recover();
  expect(await other.verify()).toMatchObject({ yes: true });
  expect(on.snapshot()).toBe(before);
});

real('what another installation has left behind, and cannot be taken away, blocks no recovery', async (on) => {
  const theirs = await injection(on, networkRate, rate, { owner: 'somebody else', ttl: -3_600_000 });
  await theirs.inject();
  const rig = /zsk\w+/.exec(on.run(['ip', '-br', 'link']))?.[0] ?? '';
  const stuck = failing((argv) => argv.includes(rig) && argv.includes('del'));
  const ours = await injection(on, networkRate, { ...rate, direction: 'ingress' }, { through: stuck });
  await expect(ours.inject()).rejects.toThrow(/Cannot allocate/);
  await ours.recover();
  expect(await ours.verify()).toMatchObject({ yes: true });
  expect(on.run(['ip', '-br', 'link']).match(/zsk\w+/g)).toEqual([rig]);
});

// ── Another namespace of the same number ────────────────────────────────────────────────────────────────────────────

/** End a wire, and make namespaces until one has its number. Undefined when the kernel does not give it out again. */
async function successor(on: Wire): Promise<((argv: readonly string[]) => string) | undefined> {
  const wanted = readlinkSync(`/proc/${on.pid}/ns/net`);
  await on.end();
  const made: ChildProcess[] = [];
  onTestFinished(() => {
    for (const child of made) child.kill('SIGKILL');
  });
  for (let tries = 0; tries < 60; tries++) {
    const child = spawn('unshare', ['--net', 'sleep', '1000'], { stdio: 'ignore' });
    made.push(child);
    await once(child, 'spawn');
    const ours = readlinkSync('/proc/self/ns/net');
    const link = () => readlinkSync(`/proc/${child.pid}/ns/net`);
    await expect.poll(link, { interval: 2 }).not.toBe(ours);
    if (link() !== wanted) continue;
    return (argv) =>
      spawnSync('nsenter', [`--net=/proc/${child.pid}/ns/net`, '--', ...argv], { encoding: 'utf8' }).stdout;
  }
  return undefined;
}

/** A wire with faults on, ended, and how to run programs in the namespace that has its number. */
async function succeeded(on: Wire) {
  const down = await injection(on, networkDown, {});
  const shaped = await injection(on, networkRate, rate);
  await shaped.inject();
  await down.inject();
  const index = Number(/^(\d+): eth0/m.exec(on.run(['ip', '-o', 'link', 'show', 'dev', 'eth0']))?.[1]);
  return { down, shaped, index, run: await successor(on) };
}

real(
  'a namespace that got the number of the target’s is left alone, and the target is gone',
  async (first, context) => {
    // Somebody else may have been given it, on a busy machine.
    let tried = await succeeded(first);
    for (let round = 0; round < 10 && !tried.run; round++) tried = await succeeded(await makeWire());
    const { down, shaped, index, run } = tried;
    if (!run) context.skip('the kernel has not given out the number again');
    // The same number, name and queue; down, with a clsact, because its owner wants it so.
    run?.(['ip', 'link', 'add', 'eth0', 'index', String(index), 'type', 'veth', 'peer', 'name', 'p0', 'index', '99']);
    run?.(['tc', 'qdisc', 'add', 'dev', 'eth0', 'clsact']);
    const state = () =>
      [
        ['ip', '-o', 'link'],
        ['tc', 'qdisc'],
        ['ip', 'route'],
      ]
        .map((argv) => run?.(argv))
        .join('\n');
    const before = state();
    expect(before).toContain('eth0');
    await expect(down.recover([shaped])).rejects.toMatchObject({ code: 'target-gone' });
    await expect(shaped.recover()).rejects.toMatchObject({ code: 'target-gone' });
    await expect(shaped.verify()).rejects.toMatchObject({ code: 'target-gone' });
    expect(state()).toBe(before);
  },
);

// ── The target ends while a helper of ours is in its namespace ──────────────────────────────────────────────────────

const delay = { latency: '100ms', via: 'user-space' };

/** An injection through a helper; ends what the test leaves. */
async function helped(on: Wire) {
  const one = await injection(on, networkDelay, delay);
  const { tag } = (one.undo as unknown as { helper: { tag: string } }).helper;
  const { netns } = await attach(on.target);
  onTestFinished(() => netns.stop(tag));
  return { one, tag, helpers: () => netns.find(tag) };
}

real(
  'a helper that alone holds the namespace of a target that has ended is ended, and the namespace with it',
  async (on) => {
    const { one, helpers } = await helped(on);
    await one.inject();
    expect((await helpers()).length).toBeGreaterThan(0);
    await on.end();
    expect(await one.verify()).toMatchObject({ yes: false });
    await one.recover();
    expect(await helpers()).toEqual([]);
    await expect(one.verify()).rejects.toMatchObject({ code: 'target-gone' });
    await expect(one.recover()).rejects.toMatchObject({ code: 'target-gone' });
  },
);

real('a helper that has not come into the namespace when that ends is ended by its tag', async (on) => {
  const { one, helpers, tag } = await helped(on);
  // Its starter was killed, and with it the target: it lives where it was started.
  spawn('sleep', ['1000'], { env: { ...process.env, ZASHIKI_WORKER: tag }, stdio: 'ignore', detached: true });
  await expect.poll(helpers).toHaveLength(1);
  await on.end();
  expect(await one.verify()).toMatchObject({ yes: false, detail: expect.stringContaining('helpers still run') });
  await expect(one.recover()).rejects.toMatchObject({ code: 'target-gone' });
  expect(await helpers()).toEqual([]);
  await expect(one.verify()).rejects.toMatchObject({ code: 'target-gone' });
});
