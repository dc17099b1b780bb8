import { afterEach, beforeEach, expect, test } from 'vitest';
import { goneNode } from '../platforms/kubernetes/refusal.ts';
import { openWorld, type World } from './fixtures/world.ts';
import type { Condition, Resource } from './resource.ts';

const at = '/apis/chaos-mesh.org/v1alpha1/namespaces/shop/podchaos/fail';
let world: World;
let operator: { stop(): Promise<void> };

beforeEach(async () => {
  world = await openWorld();
  operator = world.operator('a');
});
afterEach(async () => {
  await Promise.race([operator.stop(), new Promise((resolve) => setTimeout(resolve, 500))]);
  await world.server.close();
});

const fail = () =>
  world.server.put(at, {
    apiVersion: 'chaos-mesh.org/v1alpha1',
    kind: 'PodChaos',
    metadata: { name: 'fail' },
    spec: { action: 'pod-failure', mode: 'all', selector: { namespaces: ['shop'], labelSelectors: { app: 'web' } } },
  });
const found = () => world.server.find(at) as unknown as Resource | undefined;
const condition = (type: string): Condition | undefined =>
  found()?.status?.conditions?.find((each) => each.type === type);

async function until(what: string, test: () => boolean) {
  for (const end = performance.now() + 20_000; !test(); ) {
    if (performance.now() > end) throw new Error(`never: ${what}\n${JSON.stringify(found()?.status).slice(0, 2000)}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

test('what was done on a node that has left is unverified at once, said so, and let go of', async () => {
  world.pod('web-0');
  fail();
  await until('on', () => condition('AllInjected')?.status === 'True');
  const { uid } = (found() as Resource).metadata;
  world.before.recover = () => Promise.reject(goneNode('n1'));
  world.server.change(at, (each) => {
    each.metadata.annotations = { 'experiment.chaos-mesh.org/pause': 'true' };
  });
  await until('told', () => condition('RecoveryUnverified')?.status === 'True');
  expect(condition('RecoveryUnverified')?.reason).toContain('the node n1 is no longer in the cluster');
  expect(condition('AllRecovered')?.status).toBe('False');
  world.server.remove(at);
  await until('let go', () => found() === undefined);
  const record = '/api/v1/namespaces/zashiki/configmaps/zashiki-unverified';
  await until('kept on record', () => world.server.find(record) !== undefined);
  expect(JSON.stringify(world.server.find(record))).toContain(uid.slice(0, 8));
});

test('more than the status can hold is not begun, which it says; what was begun comes off', async () => {
  world.before.undo = 'x'.repeat(60_000);
  for (let i = 0; i < 40; i++) world.pod(`web-${i}`);
  fail();
  await until('told', () => /status of this resource is full/.test(condition('AllInjected')?.reason ?? ''));
  await until('seen', () => /^(True|False)$/.test(condition('AllInjected')?.status ?? '') && world.on.size > 0);
  expect(condition('AllInjected')?.status).toBe('False');
  expect(JSON.stringify(found()).length).toBeLessThan(1.5 * 1024 * 1024);
  const on = world.on.size;
  expect(on).toBeGreaterThan(5);
  expect(on).toBeLessThan(40);
  world.server.remove(at);
  await until('gone', () => found() === undefined);
  expect(world.on.size).toBe(0);
});
