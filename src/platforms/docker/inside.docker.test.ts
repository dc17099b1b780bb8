import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { docker as call, container, dockerHost, unable, unique } from '../../../test/fixtures/docker.ts';
import docker from './platform.ts';

const root = resolve(import.meta.dirname, '../../..');

const script = `
import docker from ${JSON.stringify(`${root}/src/platforms/docker/platform.ts`)};
const targets = await docker.discover(docker.selector.parse({ labels: { app: process.argv[1] } }));
const seen = await Promise.all(targets.map(async (target) => ({
  name: target.name, spared: target.protected ?? null, again: await docker.spare(target), offers: docker.offers(target),
})));
console.log(JSON.stringify(seen));
`;

describe.skipIf(unable)('Zashiki inside a container', () => {
  test.each([
    { how: 'with a name of its own', config: {} },
    { how: 'with another host name', config: { Hostname: 'somewhere' } },
  ])('spares that container, and reaches the others through the engine: $how', async ({ config }) => {
    const app = unique();
    const socket = dockerHost().replace('unix://', '');
    // Node, its libraries and this repository are those of this machine.
    const Binds = [
      '/usr:/usr:ro',
      '/usr/lib:/lib:ro',
      ...(process.arch === 'x64' ? ['/usr/lib64:/lib64:ro'] : []),
      `${root}:${root}:ro`,
      `${socket}:/var/run/docker.sock`,
    ];
    const ours = await container({ labels: { app }, hostConfig: { Binds }, config });
    const other = await container({ labels: { app } });
    const target = (await docker.discover(docker.selector.parse({ name: ours.name })))[0];
    const { exec } = await docker.attach(target as NonNullable<typeof target>);
    const done = await exec?.run(
      [
        process.execPath,
        '--import',
        `${root}/node_modules/tsx/dist/loader.mjs`,
        '--input-type=module',
        '-e',
        script,
        app,
      ],
      { timeoutMs: 60_000 },
    );
    expect(done).toMatchObject({ code: 0 });
    const seen = JSON.parse(done?.stdout ?? '');
    const offers = ['lifecycle', 'exec', 'signal', 'netns'];
    expect(seen.sort((a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1))).toEqual(
      [
        { name: ours.name, spared: 'Zashiki runs in it', again: 'Zashiki runs in it', offers },
        { name: other.name, spared: null, again: null, offers },
      ].sort((a, b) => (a.name < b.name ? -1 : 1)),
    );
    expect((await call('GET', `/containers/${ours.id}/json`)).State.Running).toBe(true);
  });
});
