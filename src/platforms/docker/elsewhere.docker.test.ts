import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { docker as call, container, dockerHost, unable } from '../../../test/fixtures/docker.ts';
import type { Capabilities } from '../../capabilities/index.ts';
import type { TargetRef } from '../../core/model.ts';
import networkDelay from '../../faults/network-delay.ts';
import { ownLife } from '../host/life.ts';
import { openProc } from '../host/proc.ts';
import docker from './platform.ts';
import { openClient } from './runtimes/engine/client.ts';
import { helpersOf } from './runtimes/engine/helper.ts';
import { elsewhere, targetOf } from './testing.ts';

const attach = async (target: TargetRef) => (await docker.attach(target)) as Capabilities;

const listed = async (id: string): Promise<readonly string[]> => {
  const filters = encodeURIComponent(JSON.stringify({ label: [`zashiki.dev/helper=${id}`] }));
  return (await call('GET', `/containers/json?all=1&filters=${filters}`)).map(
    ({ Names }: { Names: string[] }) => Names[0],
  );
};

describe.skipIf(unable)('a container whose processes are out of reach', () => {
  test('offers what its engine can do', async () => {
    const { name } = await container();
    const target = await targetOf({ name });
    expect([...docker.offers(elsewhere(target))].sort()).toEqual(['exec', 'lifecycle', 'netns', 'signal']);
    expect([...docker.offers(target)].sort()).toEqual(
      ['bounds', 'cgroup', 'exec', 'files', 'lifecycle', 'limits', 'netns', 'signal'].sort(),
    );
    expect(Object.keys(await docker.attach(elsewhere(target))).sort()).toEqual(
      [...docker.offers(elsewhere(target))].sort(),
    );
  });

  test('is signalled through its engine, and only in the life that was pinned', async () => {
    const { id, name } = await container();
    const { signal, lifecycle } = await attach(elsewhere(await targetOf({ name })));
    expect(['sleeping', 'running']).toContain(await signal.state());
    await signal.send('SIGSTOP');
    await expect.poll(() => signal.state()).toBe('stopped');
    await signal.send('SIGCONT');
    await expect.poll(() => signal.state()).toBe('sleeping');
    await lifecycle.restart({ grace: 5000 });
    expect(await signal.state()).toBe('gone');
    await expect(signal.send('SIGKILL')).rejects.toMatchObject({ code: 'target-gone' });
    expect((await call('GET', `/containers/${id}/json`)).State.Running).toBe(true);
  });

  test('PU-25 has a network namespace, reached by a helper with no more rights than it needs; its exit codes are read', async () => {
    const { id, name } = await container();
    const target = await targetOf({ name });
    const near = await (await attach(target)).netns.identify();
    const { netns } = await attach(elsewhere(target));
    const far = await netns.identify();
    expect({ ...far, birth: near.birth }).toEqual(near);
    expect(far.birth).toMatch(/^lo:\d+$/);
    const there = await netns.open(near.id);
    const [helper] = await listed(id);
    const seen = await call('GET', `/containers${helper}/json`);
    expect(seen.HostConfig).toMatchObject({ Privileged: false, CapAdd: ['NET_ADMIN', 'NET_RAW'], AutoRemove: true });
    expect([...seen.Config.Entrypoint, ...seen.Config.Cmd]).toEqual(['sleep', '60']);
    expect(seen.Config.Labels).toMatchObject({ 'zashiki.dev/skip': 'true', 'com.gaiaadm.pumba.skip': 'true' });
    const before = await there.run(['tc', 'qdisc', 'show']);
    expect(before).toMatchObject({ code: 0, stdout: expect.stringContaining('dev eth0') });
    expect(
      await there.run(['tc', '-batch', '-'], {
        input: 'qdisc add dev eth0 root tbf rate 1mbit burst 32kb latency 50ms\n',
      }),
    ).toMatchObject({ code: 0 });
    const host = await (await attach(target)).netns.open(near.id);
    expect((await host.run(['tc', 'qdisc', 'show'])).stdout).toContain('tbf');
    expect((await there.run(['tc', 'qdisc', 'del', 'dev', 'eth0', 'root'])).code).toBe(0);
    expect(await there.run(['tc', 'qdisc', 'show'])).toEqual(before);
    expect((await there.run(['tc', 'qdisc', 'del', 'dev', 'eth0', 'root'])).code).not.toBe(0);
    await expect(there.run(['no-such-tool'])).rejects.toMatchObject({ code: 'not-supported' });
    await expect(there.start({ argv: ['sleep', '1'], tag: 'x' })).rejects.toMatchObject({ code: 'not-supported' });
    await expect.poll(() => listed(id), { timeout: 20_000 }).toEqual([]);
  });

  test('what its kernel lacks is found out before, in a namespace of a helper’s own', async () => {
    const { id, name } = await container();
    const { netns } = await attach(elsewhere(await targetOf({ name })));
    const there = await netns.open((await netns.identify()).id);
    const before = (await there.run(['ip', '-o', 'link'])).stdout;
    expect(await there.trial(['ip', 'link', 'add', 'zsk-trial', 'type', 'ifb'])).toMatchObject({ code: 0 });
    const never = await there.trial(['tc', 'qdisc', 'add', 'dev', 'lo', 'root', 'nosuch']);
    expect(never?.code).toBeGreaterThan(0);
    await expect(there.trial(['no-such-tool'])).rejects.toMatchObject({ code: 'not-supported' });
    expect((await there.run(['ip', '-o', 'link'])).stdout).toBe(before);
    // The same kernel says the same, whichever way it is asked.
    const near = await attach(await targetOf({ name }));
    const said = async (on: { netns: typeof netns }, params: object) =>
      networkDelay.foresee?.(on, networkDelay.params.parse(params), { addressesOf: async () => [], signal }).then(
        () => 'possible',
        (error: Error) => /netem: [^;]*/.exec(error.message)?.[0],
      );
    const { signal } = new AbortController();
    expect(await said({ netns }, { latency: '10ms', via: 'netem' })).toBe(
      await said({ netns: near.netns }, { latency: '10ms', via: 'netem' }),
    );
    await expect.poll(() => listed(id), { timeout: 20_000 }).toEqual([]);
  });

  test('whose namespace has ended: target-gone, and no helper stays', async () => {
    const { id, name, remove } = await container();
    const target = await targetOf({ name });
    const { netns, lifecycle } = await attach(elsewhere(target));
    const { id: namespace } = await netns.identify();
    await expect(netns.open('net:1@other')).rejects.toMatchObject({ code: 'target-gone' });
    await lifecycle.kill('SIGKILL');
    await expect.poll(async () => (await lifecycle.state()).status).toBe('exited');
    // The helper that is kept for the next call holds the namespace as long as it lives.
    await expect.poll(() => listed(id), { timeout: 20_000 }).toEqual([]);
    await expect(netns.open(namespace)).rejects.toMatchObject({ code: 'target-gone' });
    await expect(netns.identify()).rejects.toMatchObject({ code: 'target-gone' });
    await remove();
    await expect(netns.open(namespace)).rejects.toMatchObject({ code: 'target-gone' });
    await expect.poll(() => listed(id), { timeout: 20_000 }).toEqual([]);
  });

  test('PU-25 an image that is not there is asked of its registry to plan, and never to recover', async () => {
    const { id, name } = await container();
    const target = await targetOf({ name });
    const near = await (await attach(target)).netns.identify();
    const { netns } = await attach(elsewhere(target, 'localhost:9/none:1'));
    await expect(netns.identify()).rejects.toMatchObject({
      code: 'not-supported',
      message: expect.stringMatching(/localhost:9\/none:1 is not there and cannot be pulled: .*(refused|localhost:9)/),
      hint: expect.stringContaining('helperImage'),
    });
    await expect(netns.open(near.id)).rejects.toMatchObject({
      code: 'not-supported',
      message: expect.stringContaining('nothing is pulled now'),
    });
    expect(await listed(id)).toEqual([]);
  });

  test('a helper whose maker was killed before it could start it is removed by the next one, a minute later', async () => {
    const { id } = await container();
    const client = await openClient({ url: dockerHost() });
    await container({ start: false, labels: { 'zashiki.dev/helper': id } });
    await container({ labels: { 'zashiki.dev/helper': id } });
    const image = 'zashiki-lab/nettools';
    const first = await helpersOf(client).start(id, image);
    // It is young, and might be started at any moment; the one that runs is somebody's.
    expect(await listed(id)).toHaveLength(3);
    await first.remove();
    const second = await helpersOf(client, () => Date.now() + 61_000).start(id, image);
    expect(await listed(id)).toHaveLength(2);
    await second.remove();
    expect(await listed(id)).toHaveLength(1);
  });

  test('a helper of a maker that was killed is removed by the next one, whatever it was beside', async () => {
    const [one, other] = [await container(), await container()];
    const died = spawn('sleep', ['1000']);
    await once(died, 'spawn');
    const life = (pid: number) => {
      const parts = ownLife().split('/');
      return [...parts.slice(0, -2), pid, openProc().stat(pid).startTime].join('/');
    };
    const labels = { 'zashiki.dev/helper': one.id, 'zashiki.dev/helper-maker': life(died.pid ?? 0) };
    const never = await container({ start: false, labels });
    const busy = await container({ labels });
    const ours = await container({ start: false, labels: { ...labels, 'zashiki.dev/helper-maker': ownLife() } });
    const helpers = helpersOf(await openClient({ url: dockerHost() }), () => Date.now() + 61_000);
    const start = async () => await (await helpers.start(other.id, 'zashiki-lab/nettools')).remove();
    await start();
    expect(await listed(one.id)).toHaveLength(3);
    died.kill('SIGKILL');
    await once(died, 'exit');
    await start();
    expect(await listed(one.id)).toEqual([`/${ours.name}`]);
    for (const each of [never, busy]) await expect(each.inspect()).rejects.toThrow(/404/);
  });
});

describe.skipIf(unable)('a network namespace that containers share', () => {
  const sharing = (id: string) => ({ image: 'nettools', hostConfig: { NetworkMode: `container:${id}` } });
  const open = async (target: TargetRef) => {
    const { netns } = await attach(elsewhere(target));
    const { id, birth } = await netns.identify();
    return {
      mark: async () => (await netns.open(id, birth)).run(['ip', 'link', 'add', 'zsk-mark', 'type', 'ifb']),
      look: async () => {
        // As another process would, days later.
        const later = (await attach(elsewhere(target))).netns;
        return (await (await later.open(id, birth)).run(['ip', '-br', 'link'])).stdout;
      },
    };
  };

  test('is found through the others when the target has ended, and when it was removed', async () => {
    const holder = await container({ image: 'nettools' });
    const guest = await container(sharing(holder.id));
    const third = await container(sharing(guest.id));
    const there = await open(await targetOf({ name: guest.name }));
    expect((await there.mark()).code).toBe(0);
    await call('POST', `/containers/${guest.id}/kill`);
    await expect.poll(async () => (await guest.inspect()).State.Running).toBe(false);
    expect(await there.look()).toContain('zsk-mark');
    await guest.remove();
    expect(await there.look()).toContain('zsk-mark');
    await holder.remove();
    expect(await there.look()).toContain('zsk-mark');
    await third.remove();
    await expect(there.look()).rejects.toMatchObject({ code: 'target-gone' });
  });

  test('is not taken for the new one that its holder got when it was started again', async () => {
    const holder = await container({ image: 'nettools' });
    const guest = await container(sharing(holder.id));
    const there = await open(await targetOf({ name: holder.name }));
    expect((await there.mark()).code).toBe(0);
    await call('POST', `/containers/${holder.id}/restart?t=0`);
    expect(await there.look()).toContain('zsk-mark');
    await guest.remove();
    await expect(there.look()).rejects.toMatchObject({ code: 'target-gone' });
  });

  test('is the machine’s at the end of a chain, however long', async () => {
    const first = await container({ image: 'nettools', hostConfig: { NetworkMode: 'host' } });
    const second = await container(sharing(first.id));
    const third = await container(sharing(second.id));
    for (const { name } of [first, second, third]) {
      const target = await targetOf({ name });
      expect((await (await attach(target)).netns.identify()).machine, name).toBe(true);
      expect((await (await attach(elsewhere(target))).netns.identify()).machine, name).toBe(true);
    }
    const own = await container({ image: 'nettools' });
    const guest = await container(sharing(own.id));
    expect((await (await attach(elsewhere(await targetOf({ name: guest.name })))).netns.identify()).machine).toBe(
      false,
    );
  });
});
