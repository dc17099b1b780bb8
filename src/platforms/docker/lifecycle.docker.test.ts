import { describe, expect, onTestFinished, test } from 'vitest';
import { docker as call, container, network, unable, unique } from '../../../test/fixtures/docker.ts';
import type { JsonObject } from '../../core/model.ts';
import docker from './platform.ts';
import { targetOf } from './testing.ts';

async function begin(options: Parameters<typeof container>[0] = {}) {
  const made = await container(options);
  const target = await targetOf({ id: made.id, state: 'all' });
  const { lifecycle, exec } = await docker.attach(JSON.parse(JSON.stringify(target)));
  if (!lifecycle || !exec) throw new Error('no lifecycle');
  return { ...made, target, lifecycle, exec };
}

describe.skipIf(unable)('start and end of a container', () => {
  test('pause, unpause: what is already so is no error', async () => {
    const { lifecycle } = await begin();
    await lifecycle.pause();
    await lifecycle.pause();
    expect((await lifecycle.state()).status).toBe('paused');
    await lifecycle.unpause();
    await lifecycle.unpause();
    expect((await lifecycle.state()).status).toBe('running');
  });

  test('kill: by name, short name and number; once it has ended it is no error', async () => {
    const { lifecycle } = await begin();
    await lifecycle.kill('HUP');
    await lifecycle.kill('TERM');
    await expect.poll(async () => (await lifecycle.state()).status).toBe('exited');
    expect(await lifecycle.state()).toMatchObject({ exitCode: 0, pid: null });
    await lifecycle.kill('SIGKILL');
    await lifecycle.start();
    await lifecycle.start();
    await lifecycle.kill('9');
    await expect.poll(async () => (await lifecycle.state()).exitCode).toBe(137);
    await lifecycle.start();
    await expect(lifecycle.kill('SIGNOSE')).rejects.toMatchObject({ code: 'not-supported' });
  });

  test('stop: its own signal, another one, a label, and SIGKILL for one that does not listen', async () => {
    const polite = await begin();
    await polite.lifecycle.stop({ grace: 30_000 });
    expect(await polite.lifecycle.state()).toMatchObject({ status: 'exited', exitCode: 0 });
    await polite.lifecycle.stop({ grace: 30_000 });
    const traps = ['sh', '-c', 'trap "exit 3" USR1; trap "exit 4" USR2; while :; do sleep 0.1; done'];
    const other = await begin({ cmd: traps });
    await other.exec.run(['sleep', '0.3']);
    await other.lifecycle.stop({ grace: 30_500, signal: 'SIGUSR1' });
    expect((await other.lifecycle.state()).exitCode).toBe(3);
    const labelled = await begin({ cmd: traps, labels: { 'com.gaiaadm.pumba.stop-signal': 'SIGUSR2' } });
    await labelled.exec.run(['sleep', '0.3']);
    await labelled.lifecycle.stop({ grace: 30_000 });
    expect((await labelled.lifecycle.state()).exitCode).toBe(4);
    const deaf = await begin({ cmd: ['sleep', '3600'] });
    await deaf.lifecycle.stop({ grace: 300 });
    expect((await deaf.lifecycle.state()).exitCode).toBe(137);
    const frozen = await begin();
    await frozen.lifecycle.pause();
    await frozen.lifecycle.stop({ grace: 20_500 });
    expect(await frozen.lifecycle.state()).toMatchObject({ status: 'exited', exitCode: 0 });
  });

  test('restart: another life of the same container', async () => {
    const { lifecycle } = await begin();
    const before = await lifecycle.state();
    await lifecycle.restart({ grace: 10_000 });
    const after = await lifecycle.state();
    expect(after.status).toBe('running');
    expect(after.startedAt).not.toBe(before.startedAt);
  });

  test('remove: needs force while it runs, is no error twice; everything else says that it is gone', async () => {
    const { lifecycle, exec } = await begin();
    await expect(lifecycle.remove({ force: false, volumes: false, links: false })).rejects.toMatchObject({
      code: 'inject-failed',
      message: expect.stringContaining('running container'),
    });
    await lifecycle.remove({ force: true, volumes: true, links: false });
    await lifecycle.remove({ force: true, volumes: true, links: false });
    expect(await lifecycle.state()).toMatchObject({ status: 'gone' });
    const calls = [
      () => lifecycle.kill('SIGKILL'),
      () => lifecycle.stop({ grace: 0 }),
      () => lifecycle.start(),
      () => lifecycle.restart({ grace: 0 }),
      () => lifecycle.pause(),
      () => lifecycle.unpause(),
      () => lifecycle.blueprint(),
      () => exec.run(['true']),
    ];
    for (const each of calls) await expect(each()).rejects.toMatchObject({ code: 'target-gone' });
  });

  test('remove takes anonymous volumes with it when asked, and links', async () => {
    const db = await container();
    const { id, name, lifecycle, inspect } = await begin({
      hostConfig: { Links: [`${db.name}:store`] },
      config: { Volumes: { '/data': {} } },
    });
    const [volume] = (await inspect()).Mounts;
    await lifecycle.remove({ force: true, volumes: true, links: true });
    await expect(call('GET', `/volumes/${volume.Name}`)).rejects.toThrow(/404/);
    expect(await call('GET', `/containers/json?all=1&filters={"id":["${id}"]}`)).toEqual([]);
    expect((await db.inspect()).State.Status, name).toBe('running');
  });

  test('one that removes itself says so', async () => {
    expect(await (await begin()).lifecycle.vanishes()).toBe(false);
    const { lifecycle } = await begin({ hostConfig: { AutoRemove: true } });
    expect(await lifecycle.vanishes()).toBe(true);
  });

  test('is made again as it was: name, settings, networks, addresses, aliases, volumes', async () => {
    const front = await network(unique(), { IPAM: { Config: [{ Subnet: '10.99.77.0/24' }] } });
    const back = await network();
    const { id, name, lifecycle, inspect } = await begin({
      labels: { app: 'shop' },
      hostConfig: { NetworkMode: front, Memory: 64 << 20, RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 2 } },
      config: {
        Env: ['SECRET=7'],
        Volumes: { '/data': {} },
        NetworkingConfig: {
          EndpointsConfig: { [front]: { Aliases: ['shop'], IPAMConfig: { IPv4Address: '10.99.77.9' } } },
        },
      },
    });
    await call('POST', `/networks/${back}/connect`, { Container: id, EndpointConfig: { Aliases: ['inner'] } });
    const { exec } = await docker.attach(await targetOf({ id }));
    await exec?.run(['sh', '-c', 'echo kept > /data/file']);
    const before = await inspect();
    const blueprint = JSON.parse(JSON.stringify(await lifecycle.blueprint()));
    await lifecycle.remove({ force: true, volumes: false, links: false });
    const made = await lifecycle.recreate(blueprint);
    onTestFinished(async () => {
      await call('DELETE', `/containers/${made}?force=1`).catch(() => {});
      await call('DELETE', `/volumes/${before.Mounts[0].Name}`);
    });
    expect(made).not.toBe(id);
    expect(await lifecycle.recreate(blueprint)).toBe(made);

    const after = await call('GET', `/containers/${name}/json`);
    expect(after.State.Status).toBe('running');
    const { Hostname: _one, ...config } = before.Config;
    const { Hostname: hostname, ...same } = after.Config;
    expect(same).toEqual(config);
    expect(hostname).toBe(made.slice(0, 12));
    const { Binds, ...hostConfig } = after.HostConfig;
    const { Binds: _none, ...host } = before.HostConfig;
    expect(hostConfig).toEqual(host);
    expect(Binds).toEqual([`${before.Mounts[0].Name}:/data`]);
    expect(after.Mounts[0].Name).toBe(before.Mounts[0].Name);
    const networksOf = (seen: { Id: string; NetworkSettings: { Networks: Record<string, JsonObject> } }) =>
      Object.entries(seen.NetworkSettings.Networks).map(([key, { Aliases, IPAMConfig }]) => ({
        key,
        IPAMConfig,
        Aliases: (Aliases as string[]).filter((alias) => alias !== seen.Id.slice(0, 12)),
      }));
    expect(networksOf(after)).toEqual(networksOf(before));
    expect(after.NetworkSettings.Networks[front].IPAddress).toBe('10.99.77.9');
    const again = await docker.attach(await targetOf({ name }));
    expect(await again.exec?.run(['cat', '/data/file'])).toEqual({ code: 0, stdout: 'kept\n', stderr: '' });
  });

  test('is not made again while a stranger has its name, and the stranger is left as it is', async () => {
    for (const start of [false, true]) {
      const back = await network();
      const { id, name, lifecycle } = await begin({ labels: { app: 'shop' } });
      await call('POST', `/networks/${back}/connect`, { Container: id });
      const blueprint = await lifecycle.blueprint();
      await lifecycle.remove({ force: true, volumes: false, links: false });
      const stranger = await container({ name, start });
      const before = await stranger.inspect();
      await expect(lifecycle.recreate(blueprint)).rejects.toMatchObject({
        code: 'recover-failed',
        message: `${stranger.id.slice(0, 12)} has the name ${name} now, and is another container: it is left alone`,
      });
      expect(await stranger.inspect()).toEqual(before);
      await call('POST', `/containers/${stranger.id}/rename?name=${unique()}`);
      const made = await lifecycle.recreate(blueprint);
      onTestFinished(() => call('DELETE', `/containers/${made}?force=1`));
      expect((await call('GET', `/containers/${name}/json`)).Id).toBe(made);
    }
  });

  test('a re-creation that was cut short is completed', async () => {
    const back = await network();
    const { id, name, lifecycle } = await begin();
    await call('POST', `/networks/${back}/connect`, { Container: id });
    const blueprint = await lifecycle.blueprint();
    await lifecycle.remove({ force: true, volumes: false, links: false });
    const half = await container({ name, start: false });
    expect(await lifecycle.recreate(blueprint)).toBe(half.id);
    const now = await half.inspect();
    expect(now.State.Status).toBe('running');
    expect(Object.keys(now.NetworkSettings.Networks).sort()).toEqual(['bridge', back].sort());
  });

  test('an image that is gone keeps it from being made again, and that is no `target-gone`', async () => {
    const { lifecycle } = await begin();
    const blueprint = (await lifecycle.blueprint()) as JsonObject;
    await lifecycle.remove({ force: true, volumes: false, links: false });
    const lost = { ...blueprint, imageId: `sha256:${'0'.repeat(64)}` };
    await expect(lifecycle.recreate(lost)).rejects.toMatchObject({
      code: 'recover-failed',
      message: expect.stringContaining('No such image'),
    });
  });
});

describe.skipIf(unable)('programs inside a container', () => {
  test('output is taken apart, the code is the program’s, the user is root unless told otherwise', async () => {
    const { exec } = await begin();
    expect(await exec.run(['sh', '-c', 'echo out; echo err >&2; exit 3'])).toEqual({
      code: 3,
      stdout: 'out\n',
      stderr: 'err\n',
    });
    expect((await exec.run(['id', '-u'])).stdout).toBe('0\n');
    expect((await exec.run(['id', '-u'], { user: 'nobody' })).stdout).toBe('65534\n');
    expect((await exec.run(['echo', '$HOME; echo `id`'])).stdout).toBe('$HOME; echo `id`\n');
    const much = await exec.run(['sh', '-c', 'head -c 300000 /dev/zero | tr "\\0" x; echo é']);
    expect([much.stdout.length, much.stdout.slice(-2)]).toEqual([300_002, 'é\n']);
  });

  test('a program that is not there, or never ends', async () => {
    const { exec } = await begin();
    expect(await exec.run(['no-such-program'])).toMatchObject({
      code: 126,
      stdout: '',
      stderr: expect.stringContaining('executable file not found'),
    });
    expect(await exec.run(['sleep', '60'], { timeoutMs: 300 })).toMatchObject({
      code: -1,
      stderr: expect.stringContaining('did not end within 300 ms'),
    });
    const reason = new Error('enough');
    const limit = new AbortController();
    const running = exec.run(['sleep', '60'], { signal: limit.signal });
    limit.abort(reason);
    await expect(running).rejects.toThrow();
  });

  test('a container that does not run has none, and one without a shell only its own', async () => {
    const sleeper = await begin({ image: 'scratch-sleeper' });
    expect((await sleeper.exec.run(['sh', '-c', 'true'])).code).toBe(126);
    await sleeper.lifecycle.kill('SIGKILL');
    await expect.poll(async () => (await sleeper.lifecycle.state()).status).toBe('exited');
    await expect(sleeper.exec.run(['true'])).rejects.toMatchObject({ code: 'inject-failed' });
  });

  test('a program that does not end in its time is ended, with what it has started', async () => {
    const { id, exec } = await begin();
    const processes = async (): Promise<string> =>
      JSON.stringify((await call('GET', `/containers/${id}/top`)).Processes);
    const argv = ['sh', '-c', 'echo begun; sleep 7777 & sleep 8888'];
    const late = await exec.run(argv, { timeoutMs: 1500 });
    expect(late).toEqual({ code: -1, stdout: 'begun\n', stderr: 'sh did not end within 1500 ms, and was ended\n' });
    await expect.poll(processes).not.toMatch(/7777|8888/);
    const stop = new AbortController();
    const running = exec.run(argv, { signal: stop.signal });
    await expect.poll(processes).toMatch(/7777.*8888|8888.*7777/);
    stop.abort(new Error('enough'));
    await expect(running).rejects.toThrow('enough');
    await expect.poll(processes).not.toMatch(/7777|8888/);
    expect(await processes()).toContain('3600');
  });
});
