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

/** A pod that a pod-failure of an installation was on when its resource was removed by force. */
function marked(name: string, owner: string) {
  world.pod(name);
  const images = [{ container: 'main', init: false, image: 'i' }];
  world.server.change(`/api/v1/namespaces/shop/pods/${name}`, ({ metadata }) => {
    metadata.annotations = { 'zashiki.dev/pod-failure': JSON.stringify({ owner, images }) };
  });
}

test('a pod that still bears our mark, though no resource knows of it, is named, with the way to bring it back', async () => {
  marked('web-0', 'kubernetes-zashiki');
  marked('web-1', 'kubernetes-elsewhere');
  await expect(retireNow(0)).rejects.toMatchObject({
    code: 'recover-failed',
    message: expect.stringMatching(/:\n {2}pod shop\/web-0: pod-failure, of a resource that is gone$/),
    hint: expect.stringContaining('apply a PodChaos of pod-failure on these pods and delete it'),
  });
});

test('whoever may not list pods says so, and goes on', async () => {
  const { server } = world;
  marked('web-0', 'kubernetes-zashiki');
  server.refuse = (_, path) => (path === '/api/v1/pods' ? 403 : undefined);
  await retireNow(0);
  expect(world.said).toContainEqual(expect.stringContaining('because we may not list pods'));
});
