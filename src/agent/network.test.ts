import { describe, expect, onTestFinished, test } from 'vitest';
import { makeWire, wireMissing } from '../../test/fixtures/network.ts';
import { agentCapability } from '../remote/index.ts';
import { aim, contextFor, eventually, injectAndForget, startAgent, testFolder } from './testing.ts';

const unable = wireMissing();

/** A namespace with rules and a qdisc of somebody else. */
async function wireWithForeignRules() {
  const wire = await makeWire();
  onTestFinished(() => wire.end());
  for (const line of [
    'tc qdisc add dev eth0 clsact',
    'tc filter add dev eth0 egress protocol ip pref 5 u32 match u32 0 0 at 0 flowid ffff:1',
    'nft add table inet theirs',
    'nft add chain inet theirs input { type filter hook input priority 0 ; }',
    'nft add rule inet theirs input tcp dport 9999 drop',
  ]) {
    expect(wire.run(line.split(' '))).toBe('');
  }
  return wire;
}

const pings = (wire: Awaited<ReturnType<typeof makeWire>>) =>
  / 0% packet loss/.test(wire.run(['ping', '-c', '1', '-W', '1', wire.peer.v4]));

const partition = { fault: 'network-partition', params: { action: 'drop' } };

describe.skipIf(unable)(`packets by an agent${unable ? `: skipped, ${unable}` : ''}`, () => {
  test('a partition is felt, killed with -9, and lifted; rules of others are the same to the byte', async () => {
    const folder = testFolder();
    const agent = await startAgent(folder);
    const wire = await wireWithForeignRules();
    const before = wire.snapshot();
    const { agent: on, target } = await aim(agent.transport, { pid: wire.pid });
    const undo = await injectAndForget(agent.transport, target, partition);
    expect(pings(wire)).toBe(false);
    expect(await on.observe(partition, undo, contextFor())).toMatchObject({ yes: true });
    expect(wire.snapshot()).not.toBe(before);
    await agent.kill({ reapers: true });
    expect(pings(wire)).toBe(false);
    await startAgent(folder);
    expect(pings(wire)).toBe(true);
    expect(wire.snapshot()).toBe(before);
  });

  test('a delay, by whichever way this kernel has, ends with its lease', async () => {
    const agent = await startAgent(testFolder());
    const wire = await wireWithForeignRules();
    const before = wire.snapshot();
    const { agent: on, target } = await aim(agent.transport, { pid: wire.pid });
    const delay = { fault: 'network-delay', params: { latency: '300ms' } };
    expect(await on.foresee(delay, contextFor())).toMatch(/netem|user-space/);
    const undo = await injectAndForget(agent.transport, target, delay, { lease: 5000 });
    const slow = /time=(\d+)/.exec(wire.run(['ping', '-c', '1', '-W', '3', wire.peer.v4]))?.[1];
    expect(Number(slow)).toBeGreaterThanOrEqual(290);
    await eventually(async () => !(await on.observe(delay, undo, contextFor())).yes, 'its lease is over');
    expect(wire.snapshot()).toBe(before);
  });

  test('two controllers on one namespace: lifting the one leaves the other on', async () => {
    const agent = await startAgent(testFolder());
    const wire = await wireWithForeignRules();
    const before = wire.snapshot();
    const { agent: on, target } = await aim(agent.transport, { pid: wire.pid });
    const cut = (port: number) => ({ fault: 'network-partition', params: { action: 'drop', remotePorts: [port] } });
    const one = await injectAndForget(agent.transport, target, cut(81), { tag: 'one.i1' });
    const two = await injectAndForget(agent.transport, target, cut(82), { tag: 'two.i1' });
    await on.recover('network-partition', one, contextFor('one.i1'));
    expect(await on.verify('network-partition', one, contextFor('one.i1'))).toMatchObject({ yes: true });
    expect(await on.observe(cut(82), two, contextFor('two.i1'))).toMatchObject({ yes: true });
    await on.recover('network-partition', two, contextFor('two.i1'));
    expect(wire.snapshot()).toBe(before);
  });

  test('peers by a selector that only the controller can resolve', async () => {
    const agent = await startAgent(testFolder());
    const wire = await makeWire();
    onTestFinished(() => wire.end());
    const { target } = await aim(agent.transport, { pid: wire.pid });
    const asked: unknown[] = [];
    const context = {
      ...contextFor(),
      addressesOf: async (platform: string, selector: object) => {
        asked.push({ platform, selector });
        return [wire.peer.v4];
      },
    };
    const on = agentCapability(agent.transport, { name: 'node', target: { ref: target }, offers: ['netns'] });
    const peers = { fault: 'network-partition', params: { action: 'drop', peers: [{ docker: { name: 'database' } }] } };
    const undo = await on.plan(peers, context);
    await on.inject(peers, undo, context);
    expect(asked).toEqual([{ platform: 'docker', selector: { name: 'database' } }]);
    expect(pings(wire)).toBe(false);
    await on.recover('network-partition', undo, context);
    expect(pings(wire)).toBe(true);
  });
});
