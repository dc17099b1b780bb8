import { afterEach, beforeEach, expect, test } from 'vitest';
import { openWorld, type World } from './fixtures/world.ts';

const workflows = '/apis/chaos-mesh.org/v1alpha1/namespaces/shop/workflows';
let world: World;
let operator: { stop(): Promise<void> };

beforeEach(async () => {
  world = await openWorld();
  operator = world.operator('a');
});
afterEach(async () => {
  await operator.stop();
  await world.server.close();
});

/** A workflow of one fault, which ends by its deadline. */
function apply(name: string) {
  const selector = { namespaces: ['shop'], labelSelectors: { app: 'web' } };
  const podChaos = { action: 'pod-failure', mode: 'all', selector };
  const spec = {
    entry: 'all',
    templates: [
      { name: 'all', templateType: 'Serial', children: ['fault'] },
      { name: 'fault', templateType: 'PodChaos', deadline: '2s', podChaos },
    ],
  };
  world.server.put(`${workflows}/${name}`, {
    apiVersion: 'chaos-mesh.org/v1alpha1',
    kind: 'Workflow',
    metadata: { name },
    spec,
  });
}

const warnings = () =>
  world.server
    .objects()
    .flatMap(({ involvedObject, type, reason, message }) =>
      (involvedObject as { kind?: string } | undefined)?.kind === 'Workflow' && type === 'Warning'
        ? [`${String(reason)}: ${String(message)}`]
        : [],
    );
const endTime = (name: string) =>
  (world.server.find(`${workflows}/${name}`)?.status as { endTime?: string } | undefined)?.endTime;
const ended = (name: string) => expect.poll(() => endTime(name), { timeout: 20_000 });

test('a fault that was never on is told of the workflow, with the reason', async () => {
  apply('nobody');
  await ended('nobody').toBeDefined();
  await expect
    .poll(warnings, { timeout: 5000 })
    .toEqual([
      expect.stringMatching(/^FaultNeverOn: Node .*fault.* has ended, and its fault was never on: no pod is selected/),
    ]);
});

test('of one that was on, nothing is told', async () => {
  world.pod('web-0');
  apply('somebody');
  await expect.poll(() => world.on.size, { timeout: 20_000 }).toBe(1);
  await ended('somebody').toBeDefined();
  expect(world.on.size).toBe(0);
  expect(warnings()).toEqual([]);
});
