import { expect, test } from 'vitest';
import { openWorld } from '../fixtures/world.ts';
import { manifest } from './manifest.ts';
import { usualInstall } from './options.ts';
import { uninstall } from './uninstall.ts';

const hooks = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/zashiki';

test('an installation in another namespace is left alone, and named', async () => {
  const { server, client } = await openWorld();
  const objects = (namespace: string) => manifest({ ...usualInstall, namespace, image: 'zashiki:dev' });
  const hook = objects('zashiki').find(({ kind }) => kind === 'ValidatingWebhookConfiguration');
  const said: string[] = [];
  const remove = (namespace: string) =>
    uninstall(
      client,
      objects(namespace),
      { namespace, keepCrds: false, force: false, timeoutMs: 1000 },
      (line) => void said.push(line),
      new AbortController().signal,
    );
  try {
    server.put(hooks, { ...hook });
    await expect(remove('chaos')).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining('in the namespace zashiki, not in chaos'),
      hint: 'write --namespace zashiki',
    });
    expect(server.find(hooks)).toBeDefined();
    expect(said).toEqual([]);
  } finally {
    await server.close();
  }
});
