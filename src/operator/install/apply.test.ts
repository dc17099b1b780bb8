import { expect, test } from 'vitest';
import { openWorld } from '../fixtures/world.ts';
import { whenGone } from './apply.ts';
import { manifest } from './manifest.ts';
import { usualInstall } from './options.ts';

const at = '/api/v1/namespaces/zashiki';

test('what is still being deleted is waited for, and named when it does not go', async () => {
  const { server, client } = await openWorld();
  const objects = manifest({ ...usualInstall, image: 'zashiki:dev' });
  const said: string[] = [];
  const { signal } = new AbortController();
  const wait = (ms: number) => whenGone(client, objects, { ms, signal, say: (line) => void said.push(line) });
  try {
    expect(await wait(0)).toBeUndefined();
    server.put(at, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'zashiki', finalizers: ['kubernetes'] } });
    expect(await wait(0)).toBeUndefined();
    server.remove(at);
    expect(await wait(0)).toBe('Namespace zashiki');
    const waiting = wait(60_000);
    await expect.poll(() => said).toHaveLength(2);
    server.change(at, (namespace) => {
      delete namespace.metadata.finalizers;
    });
    expect(await waiting).toBeUndefined();
    expect(said[1]).toBe('Namespace zashiki is still being deleted: waiting for it');
  } finally {
    await server.close();
  }
});
