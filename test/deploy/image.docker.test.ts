import { beforeAll, describe, expect, test } from 'vitest';
import { docker, unable } from '../fixtures/docker.ts';
import { exitOf, logsOf, ourImage, ours } from './our-image.ts';

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

  test('is not healthy when undo records cannot be written', async () => {
    const { code } = await run(zashiki, [], {
      ...{ Entrypoint: ['/opt/zashiki/health'], Env: ['ZASHIKI_STATE=/proc/none'] },
    });
    expect(code).not.toBe(0);
  });
});
