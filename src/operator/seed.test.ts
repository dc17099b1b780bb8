import { afterEach, beforeEach, expect, test } from 'vitest';
import { openWorld, type World } from './fixtures/world.ts';
import type { OldStatus } from './old-status.ts';
import type { Resource } from './resource.ts';

/** Rows of the seed's own Chaos Mesh, v0.9, that an operator shows without a cluster. */
const chaos = '/apis/chaos-mesh.org/v1alpha1/namespaces/shop/podchaos';
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

const kill = { action: 'pod-kill', mode: 'one', selector: { namespaces: ['shop'], labelSelectors: { app: 'web' } } };

function apply(name: string, spec: object) {
  const apiVersion = 'chaos-mesh.org/v1alpha1';
  world.server.put(`${chaos}/${name}`, { apiVersion, kind: 'PodChaos', metadata: { name }, spec });
}

const found = (name: string) => world.server.find(`${chaos}/${name}`) as unknown as Resource | undefined;
const eventsOf = (name: string) =>
  world.server
    .objects()
    .flatMap(({ involvedObject, reason, message, type }) =>
      (involvedObject as { name?: string } | undefined)?.name === name
        ? [`${String(type)} ${String(reason)}: ${String(message)}`]
        : [],
    );

async function until(what: string, holds: () => boolean, ms = 15_000) {
  for (const end = performance.now() + ms; !holds(); ) {
    if (performance.now() > end) throw new Error(`never: ${what}\n${world.log.join('\n')}\n${world.said.join('\n')}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

test('CM-07, CM-11, CM-15 @every kills at once and again; the status of that time tells of it', async () => {
  for (const i of [0, 1, 2, 3, 4, 5, 6, 7]) world.pod(`web-${i}`);
  apply('often', { ...kill, scheduler: { cron: '@every 2s' } });
  await until('the first kill', () => world.log.length >= 1);
  const created = Date.parse(found('often')?.metadata.creationTimestamp ?? '');
  const first = world.server
    .objects()
    .filter(({ metadata }) => metadata.labels?.['managed-by'] === 'often')
    .map(({ metadata }) => Date.parse(metadata.creationTimestamp));
  // Not an interval later: the second is due two seconds after the document.
  expect(Math.min(...first) - created).toBeLessThan(2000);
  await until('three kills', () => world.log.filter((line) => line.startsWith('kill')).length >= 3);
  expect(new Set(world.log).size).toBe(world.log.length);
  const old = () => found('often')?.status as unknown as OldStatus;
  await until('its record', () => old().experiment.podRecords.some(({ message }) => message === 'delete pod'));
  expect(old()).toMatchObject({
    scheduler: { nextStart: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:]{8}Z$/) },
    experiment: {
      phase: expect.stringMatching(/^(Running|Waiting)$/),
      startTime: expect.any(String),
      podRecords: [{ namespace: 'shop', action: 'pod-kill' }],
    },
  });
  world.server.change(`${chaos}/often`, (each) => {
    each.metadata.annotations = { 'experiment.chaos-mesh.org/pause': 'true' };
  });
  await until('paused', () => old().experiment.phase === 'Paused');
});

test('CM-09, CM-14 on until it is deleted; what was done, and what failed, is told as events', async () => {
  world.pod('web-0');
  world.before.inject = async () => {
    delete world.before.inject;
    throw new Error('the node is busy');
  };
  apply('fail', { ...kill, action: 'pod-failure' });
  await until(
    'on',
    () =>
      found('fail')?.status?.conditions?.some(({ type, status }) => type === 'AllInjected' && status === 'True') ===
      true,
  );
  expect(eventsOf('fail')).toEqual(
    expect.arrayContaining([
      'Normal Started: Experiment has started',
      'Warning Failed: Failed to apply chaos for shop/web-0: the node is busy',
      'Normal Applied: Successfully apply chaos for shop/web-0',
    ]),
  );
  world.before.recover = async () => {
    delete world.before.recover;
    throw new Error('the node is busy');
  };
  world.server.remove(`${chaos}/fail`);
  await until('gone', () => found('fail') === undefined);
  await until('told', () => eventsOf('fail').some((line) => line.includes('Successfully recover chaos')));
  expect(eventsOf('fail')).toEqual(
    expect.arrayContaining([
      'Warning Failed: Failed to recover chaos for shop/web-0: the node is busy',
      'Normal Recovered: Successfully recover chaos for shop/web-0',
    ]),
  );
  expect(eventsOf('fail').some((line) => line.includes('TimeUp'))).toBe(false);
  expect(world.on.size).toBe(0);
});

test('CM-04 nobody fits: it says so, does nothing, and hits who comes later', async () => {
  apply('fail', { ...kill, action: 'pod-failure' });
  await until('told', () => eventsOf('fail').includes('Warning Failed: Failed to select targets: no pod is selected'));
  expect(found('fail')?.status?.conditions).toContainEqual({
    type: 'Selected',
    status: 'False',
    reason: 'no pod is selected',
  });
  world.pod('web-0');
  await until('on', () => world.log.includes('inject web-0'));
});
