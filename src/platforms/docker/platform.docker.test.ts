import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { type Container, docker as call, container, network, unable, unique } from '../../../test/fixtures/docker.ts';
import type { Target } from '../../core/model.ts';
import { testPlatform } from '../contract.ts';
import docker from './platform.ts';
import { find, targetOf } from './testing.ts';

testPlatform(docker, {
  unable,
  none: { name: 'nothing-of-this-name' },
  wrong: [
    { selector: {}, says: /says nothing/ },
    { selector: { nmae: 'web' }, says: /Unrecognized key: "nmae"/ },
    { selector: { name: 're2:(' }, says: /not an RE2 expression/ },
  ],
  async start() {
    const app = unique();
    const all = await Promise.all([1, 2, 3].map(() => container({ labels: { app } })));
    return {
      selector: { labels: { app } },
      end: async (target) => (all.find(({ id }) => id === target.identity.id) as Container).remove(),
      replaced: (target: Target) => ({
        ...target,
        identity: { ...target.identity, startedAt: '2001-01-01T00:00:00Z', startTime: '1' },
      }),
      stop: async () => void (await Promise.all(all.map(({ remove }) => remove()))),
    };
  },
});

describe.skipIf(unable)('containers of the lab', () => {
  const namesOf = async (selector: Parameters<typeof find>[0]) => (await find(selector)).map(({ name }) => name).sort();

  test('are found by name, id, image, label, network, and by what Compose says', async () => {
    const app = unique();
    const net = await network();
    const web = await container({
      name: `${app}-web`,
      image: 'echo',
      labels: { app, tier: 'front', 'com.docker.compose.project': app, 'com.docker.compose.service': 'web' },
      hostConfig: { NetworkMode: net },
    });
    const db = await container({ name: `${app}-db`, labels: { app, empty: '' } });
    const both = [db.name, web.name];
    expect(await namesOf({ name: web.name })).toEqual([web.name]);
    expect(await namesOf({ name: [`/${web.name}`, db.name] })).toEqual(both);
    expect(await namesOf({ name: `re2:^/?${app}-` })).toEqual(both);
    expect(await namesOf({ name: app })).toEqual([]);
    expect(await namesOf({ id: web.id })).toEqual([web.name]);
    expect(await namesOf({ id: web.id.slice(0, 16) })).toEqual([web.name]);
    expect(await namesOf({ id: [web.id, db.id] })).toEqual(both);
    expect(await namesOf({ image: 'zashiki-lab/echo', labels: { app } })).toEqual([web.name]);
    expect(await namesOf({ image: 're2:^zashiki-lab/', labels: { app } })).toEqual(both);
    expect(await namesOf({ labels: { app } })).toEqual(both);
    expect(await namesOf({ labels: { app, tier: 're2:^fr' } })).toEqual([web.name]);
    expect(await namesOf({ labels: { app, empty: '' } })).toEqual([db.name]);
    expect(await namesOf({ compose: { project: app } })).toEqual([web.name]);
    expect(await namesOf({ compose: { project: app, service: 'db' } })).toEqual([]);
    expect(await namesOf({ network: net })).toEqual([web.name]);
    expect(await namesOf({ network: 'no-such-network' })).toEqual([]);
    expect((await targetOf({ name: web.name })).group).toBe(`${app}/web`);
  });

  test('are found by state, age and health', async () => {
    const app = unique();
    const labels = { app };
    const up = await container({ labels });
    const paused = await container({ labels });
    const made = await container({ labels, start: false });
    const ended = await container({ labels });
    await call('POST', `/containers/${paused.id}/pause`);
    await call('POST', `/containers/${ended.id}/kill`);
    const names = (...each: Container[]) => each.map(({ name }) => name).sort();
    await expect.poll(() => namesOf({ labels, state: 'exited' })).toEqual(names(ended));
    expect(await namesOf({ labels })).toEqual(names(up, paused));
    expect(await namesOf({ labels, state: 'all' })).toEqual(names(up, paused, made, ended));
    expect(await namesOf({ labels, state: 'paused' })).toEqual(names(paused));
    expect(await namesOf({ labels, state: 'created' })).toEqual(names(made));
    expect(await namesOf({ labels, minAge: '1h' })).toEqual([]);
    expect(await namesOf({ labels, state: 'all', maxAge: '1h' })).toEqual(names(up, paused, ended));

    const check = (Test: string[]) => ({ Healthcheck: { Test, Interval: 100_000_000, Retries: 1 } });
    const good = await container({ labels, config: check(['CMD', 'true']) });
    const bad = await container({ labels, config: check(['CMD', 'false']) });
    await expect.poll(() => namesOf({ labels, health: 'healthy' }), { timeout: 30_000 }).toEqual(names(good));
    await expect.poll(() => namesOf({ labels, health: 'unhealthy' }), { timeout: 30_000 }).toEqual(names(bad));
    expect(await namesOf({ labels, health: 'none' })).toEqual(names(up, paused));
  });

  test('that opted out are protected, by our label and by those of Pumba', async () => {
    const app = unique();
    const labels = [
      { 'zashiki.dev/skip': 'true' },
      { 'com.gaiaadm.pumba': 'true' },
      { 'com.gaiaadm.pumba.skip': 'true' },
    ];
    for (const each of labels) await container({ labels: { app, ...each } });
    const not = await container({ labels: { app, 'com.gaiaadm.pumba.skip': 'false' } });
    const targets = await find({ labels: { app } });
    expect(targets.map((target) => target.protected ?? target.name).sort()).toEqual(
      [
        'a container of Pumba',
        'opted out by the label com.gaiaadm.pumba.skip',
        'opted out by the label zashiki.dev/skip',
        not.name,
      ].sort(),
    );
    for (const target of targets) expect(await docker.spare(target)).toBe(target.protected ?? null);
  });

  test('that vanish while they are looked at are left out, and do no harm', async () => {
    const app = unique();
    const kept = await container({ labels: { app } });
    const fleeting = await Promise.all(Array.from({ length: 6 }, () => container({ labels: { app } })));
    const removing = Promise.all(fleeting.map(({ remove }) => remove()));
    for (let go = true; go; ) {
      void removing.then(() => {
        go = false;
      });
      expect(await namesOf({ labels: { app } })).toContain(kept.name);
    }
    expect(await namesOf({ labels: { app } })).toEqual([kept.name]);
  });

  test('a beginning of an id that two have is refused', async () => {
    // Ids are drawn by the engine: make containers until two of them begin alike (some twenty, most times).
    const made: string[] = [];
    const twins = () =>
      made.find((id, at) => made.some((other, before) => before < at && other.startsWith(id.slice(0, 2))));
    while (!twins()) made.push((await container({ start: false, image: 'scratch-sleeper' })).id);
    const part = twins()?.slice(0, 2) ?? '';
    await expect(find({ id: part, state: 'all' })).rejects.toThrow(
      new RegExp(`the id "${part}" is the beginning of \\d+ containers: ${part}`),
    );
  });

  test('have addresses, in all their networks', async () => {
    const net = await network();
    const { id, name } = await container({ hostConfig: { NetworkMode: net } });
    await call('POST', `/networks/bridge/connect`, { Container: id });
    const target = await targetOf({ name });
    const addresses = await docker.addresses?.(target);
    expect(addresses).toHaveLength(2);
    expect(addresses?.every((address) => /^10\.\d+\.\d+\.\d+$/.test(address))).toBe(true);
  });

  test('a restart makes another target of it; a stop does not', async () => {
    const { id, name } = await container();
    const target = await targetOf({ name });
    await call('POST', `/containers/${id}/kill`);
    expect(await docker.check(target)).toBe('same');
    expect(await (await docker.attach(target)).signal?.state()).toBe('gone');
    await call('POST', `/containers/${id}/start`);
    expect(await docker.check(target)).toBe('gone');
    const now = await targetOf({ name });
    expect(now.id).toBe(target.id);
    expect(now.identity.startedAt).not.toBe(target.identity.startedAt);
    await expect((await docker.attach(target)).signal?.send('SIGKILL')).rejects.toMatchObject({ code: 'target-gone' });
    expect(await docker.check(now)).toBe('same');
  });

  test('a name with strange characters is only a name', async () => {
    expect(await find({ name: `no.such+${randomBytes(2).toString('hex')}` })).toEqual([]);
    expect(await find({ name: '../images' })).toEqual([]);
  });
});
