import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { baseTar } from '../../lab/docker/our-image.ts';
import { placeOf } from '../../lab/docker/place.ts';
import { environment } from '../../lab/kubernetes/archive.ts';
import { ourImage as labImage } from '../../lab/kubernetes/our-image.ts';
import { cacheFolder } from '../../lab/kubernetes/place.ts';
import { docker, unable } from '../fixtures/docker.ts';
import { exitOf, listing, logsOf, ourImage, ours, unpackImage } from './our-image.ts';

async function emptyIn(folder: string, name: string): Promise<string> {
  const path = join(folder, name);
  await mkdir(path);
  return path;
}

describe.skipIf(unable)('the images of deploy/Dockerfile', () => {
  let pumba = '';
  let zashiki = '';
  beforeAll(async () => {
    pumba = await ourImage('pumba');
    zashiki = await ourImage('zashiki');
  });

  const run = async (image: string, args: readonly string[], config: object = {}) => {
    const { id } = await ours({ image, args, binds: [], config });
    const code = await exitOf(id);
    return { code, text: await logsOf(id) };
  };

  test('both hold the same files, and differ in their entry point', async () => {
    const look = (name: string) => docker('GET', `/images/zashiki-lab/${name}:latest/json`);
    const [one, other] = [await look(pumba), await look(zashiki)];
    expect(one.RootFS).toEqual(other.RootFS);
    expect(one.Config.Entrypoint).toEqual(['/pumba']);
    expect(other.Config.Entrypoint).toEqual(['/zashiki']);
    for (const { Config } of [one, other]) {
      expect(Config.Cmd).toEqual(['--help']);
      expect(Config.Labels).toMatchObject({ 'com.gaiaadm.pumba': 'true', 'zashiki.dev/skip': 'true' });
    }
  });

  test('all names of the program are on the path, and at the root where old manifests expect them', async () => {
    const script =
      'for name in /zashiki zashiki nightmare-monkey; do $name --version || exit 1; done; command -v pumba; command -v /pumba';
    const { code, text } = await run(zashiki, ['-c', script], { Entrypoint: ['sh'] });
    expect({ code, text }).toEqual({ code: 0, text: expect.stringMatching(/\/usr\/local\/bin\/pumba\n\/pumba\n$/) });
  });

  test('the tools of all faults are inside', async () => {
    const tools = 'tc ip iptables ip6tables nft ping stress-ng perl nsenter unshare setpriv node';
    const { code, text } = await run(zashiki, ['-c', `for tool in ${tools}; do command -v $tool || exit 1; done`], {
      Entrypoint: ['sh'],
    });
    expect(code, text).toBe(0);
    expect(text.trim().split('\n')).toHaveLength(tools.split(' ').length);
  });

  test.each(['0', '10001', '4711'])(
    'runs as user %s, and is healthy while undo records can be written',
    async (user) => {
      const own = user === '4711' ? { Env: ['ZASHIKI_STATE=/tmp/zashiki'] } : {};
      const { code, text } = await run(zashiki, ['-c', '/opt/zashiki/health && zashiki runs'], {
        ...{ Entrypoint: ['sh'], User: user, ...own },
      });
      expect(code, text).toBe(0);
    },
  );

  test.each(['0', '10001'])('user %s is told of each role', async (user) => {
    const roles = ['zashiki --help', 'zashiki operator --help', 'zashiki agent --help', 'zashiki pumba --help'];
    const script = [...roles, '/pumba --help'].map((role) => `${role} || exit 1`).join('; ');
    const { code, text } = await run(zashiki, ['-c', script], { Entrypoint: ['sh'], User: user });
    expect(code, text).toBe(0);
    for (const usage of [
      /^Usage: zashiki COMMAND/m,
      /^Usage: zashiki operator/m,
      /^Usage: zashiki agent/m,
      /^ {3}pumba \[global/m,
    ])
      expect(text).toMatch(usage);
  });

  test.each(['zashiki', 'pumba'] as const)('%s: clusters of the lab get the same image', async (target) => {
    await mkdir(join(cacheFolder(), 'images'), { recursive: true });
    const work = await mkdtemp(join(cacheFolder(), 'images', '.compare-'));
    try {
      const [theirs, ours] = await Promise.all([
        unpackImage(target === 'pumba' ? pumba : zashiki, await emptyIn(work, 'docker')),
        labImage(await emptyIn(work, 'lab'), await baseTar(placeOf().cache), target),
      ]);
      expect({ entrypoint: ours.entrypoint, cmd: ours.cmd, labels: ours.labels }).toEqual({
        entrypoint: theirs.config.Entrypoint,
        cmd: theirs.config.Cmd,
        labels: theirs.config.Labels,
      });
      expect(environment(ours.env)).toEqual(theirs.config.Env);
      const layers = ours.layers.filter(({ omit }) => !omit);
      const files = await emptyIn(work, 'ours');
      for (const { file } of layers) execFileSync('tar', ['-xf', file, '--numeric-owner', '-C', files]);
      const all = await listing(files);
      expect(all).toEqual(await listing(theirs.files));
      expect(all).toContain('zashiki l 777 0:0 /opt/zashiki/dist/cli/main.cjs');
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  });

  test('is not healthy when undo records cannot be written', async () => {
    const { code } = await run(zashiki, [], {
      ...{ Entrypoint: ['/opt/zashiki/health'], Env: ['ZASHIKI_STATE=/proc/none'] },
    });
    expect(code).not.toBe(0);
  });
});
