import { afterEach, beforeEach, expect, test } from 'vitest';
import { openWorld, type World } from '../fixtures/world.ts';
import { retire } from './retire.ts';

const chaos = '/apis/chaos-mesh.org/v1alpha1/namespaces/shop/podchaos/fail';
const deployment = '/apis/apps/v1/namespaces/zashiki/deployments/zashiki-operator';
const lever = '/api/v1/namespaces/zashiki/configmaps/zashiki-stop';
let world: World;

beforeEach(async () => {
  world = await openWorld();
});
afterEach(() => world.server.close());

/** A fault that is on; resolves to the operator that put it on, and the Deployment's uid. */
async function failing() {
  const { server } = world;
  const { metadata } = server.put(deployment, {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'zashiki-operator' },
    spec: { replicas: 2 },
  });
  world.pod('web-0');
  server.put(chaos, {
    apiVersion: 'chaos-mesh.org/v1alpha1',
    kind: 'PodChaos',
    metadata: { name: 'fail' },
    spec: {
      action: 'pod-failure',
      mode: 'all',
      selector: { namespaces: ['shop'], labelSelectors: { app: 'web' } },
    },
  });
  const operator = world.operator('a');
  await expect
    .poll(() => JSON.stringify(server.find(chaos)?.status ?? ''), { timeout: 8000 })
    .toContain('"phase":"on"');
  return { operator, uid: metadata.uid };
}

const retireNow = (timeoutMs: number) =>
  retire(
    world.client,
    { namespace: 'zashiki', force: false, timeoutMs },
    (line) => world.said.push(line),
    new AbortController().signal,
  );

test('all is off, no operator is wanted, resources let themselves be deleted, the lever goes with the Deployment', async () => {
  const { server } = world;
  const { operator, uid } = await failing();
  await retireNow(8000);
  await operator.stop();
  expect(world.on.size).toBe(0);
  expect(server.find(deployment)?.spec).toEqual({ replicas: 0 });
  expect(server.find(chaos)?.metadata.finalizers).toEqual([]);
  expect(server.find(lever)?.metadata.ownerReferences).toEqual([
    { apiVersion: 'apps/v1', kind: 'Deployment', name: 'zashiki-operator', uid },
  ]);
});

test('what nobody takes off is named, and the operator and what it holds stay', async () => {
  const { server } = world;
  const { operator } = await failing();
  operator.kill();
  await expect(retireNow(0)).rejects.toThrow(/still on after 0 s.*\n {2}PodChaos shop\/fail: .* on .*web-0/);
  expect(world.on.size).toBe(1);
  expect(server.find(deployment)?.spec).toEqual({ replicas: 2 });
  expect(server.find(chaos)?.metadata.finalizers).toHaveLength(1);
  expect(server.find(lever)?.metadata.ownerReferences).toBeUndefined();
});
