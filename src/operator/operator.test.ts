import { afterEach, beforeEach, expect, test } from 'vitest';
import { openWorld, type World } from './fixtures/world.ts';
import type { Resource } from './resource.ts';

const chaos = '/apis/chaos-mesh.org/v1alpha1/namespaces/shop/podchaos';
let world: World;
let started: { stop(): Promise<void> }[] = [];

beforeEach(async () => {
  world = await openWorld();
  started = [];
});
afterEach(async () => {
  // Whatever happens: no fault is put on before its undo record is in the cluster.
  expect(world.log.filter((line) => line.startsWith('UNWRITTEN'))).toEqual([]);
  await Promise.all(
    started.map((operator) => Promise.race([operator.stop(), new Promise((resolve) => setTimeout(resolve, 500))])),
  );
  await world.server.close();
});

function start(name = 'a', more = {}) {
  const operator = world.operator(name, more);
  started.push(operator);
  return operator;
}

function apply(name: string, spec: object, metadata: object = {}) {
  const selector = { namespaces: ['shop'], labelSelectors: { app: 'web' } };
  world.server.put(`${chaos}/${name}`, {
    apiVersion: 'chaos-mesh.org/v1alpha1',
    kind: 'PodChaos',
    metadata: { name, ...metadata },
    spec: { action: 'pod-failure', mode: 'all', selector, ...spec },
  });
}

const found = (name: string) => world.server.find(`${chaos}/${name}`) as unknown as Resource | undefined;
const is = (name: string, type: string) =>
  found(name)?.status?.conditions?.find((each) => each.type === type)?.status === 'True';
const events = () =>
  world.server
    .objects()
    .filter(({ involvedObject }) => involvedObject !== undefined)
    .map(({ reason }) => String(reason));

async function until(what: string, test: () => boolean, ms = 8000) {
  const end = performance.now() + ms;
  while (!test()) {
    if (performance.now() > end) {
      const statuses = world.server
        .objects()
        .map(({ metadata, status }) => `${metadata.name}: ${JSON.stringify(status ?? null)}`);
      throw new Error(`never: ${what}\n${world.log.join('\n')}\n${world.said.join('\n')}\n${statuses.join('\n')}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

test('CM-09, CM-13, CM-14 a fault comes on, with its undo record written before, and goes with its resource', async () => {
  const uid = world.pod('web-0');
  world.pod('db-0', { app: 'db' });
  apply('fail', {});
  start();
  await until('all injected', () => is('fail', 'AllInjected'));
  expect(world.log).toEqual(['inject web-0']);
  expect([...world.on.keys()]).toEqual([uid]);
  expect(found('fail')?.metadata.finalizers).toEqual(['chaos-mesh/records']);
  expect(found('fail')?.status?.experiment).toMatchObject({
    desiredPhase: 'Run',
    containerRecords: [
      {
        id: 'shop/web-0',
        selectorKey: '.',
        phase: 'Injected',
        injectedCount: 1,
        recoveredCount: 0,
        events: [{ type: 'Succeeded', operation: 'Apply' }],
      },
    ],
  });
  world.server.remove(`${chaos}/fail`);
  await until('gone', () => found('fail') === undefined);
  expect(world.on.size).toBe(0);
  await until('events', () => events().includes('Recovered'));
  expect(events()).toEqual(expect.arrayContaining(['FinalizerInited', 'Started', 'Applied', 'Deleted', 'Recovered']));
});

test('what is not felt is not said to be injected', async () => {
  world.pod('web-0');
  let look = (_felt: boolean): void => undefined;
  world.before.observe = () =>
    new Promise((resolve) => {
      look = resolve;
    });
  apply('fail', {});
  start();
  const reason = () => (found('fail')?.status?.conditions ?? []).find(({ type }) => type === 'AllInjected')?.reason;
  await until('on its way', () => reason() === 'shop/web-0: applied, and not seen yet');
  world.before.observe = async () => false;
  look(false);
  await until('looked at', () => events().includes('NoEffect'));
  expect(is('fail', 'AllInjected')).toBe(false);
  expect(is('fail', 'Selected')).toBe(true);
  world.before.observe = async () => true;
  await until('all injected', () => is('fail', 'AllInjected'));
});

test('the duration counts from the first injection, then it is over', async () => {
  world.pod('web-0');
  apply('fail', { duration: '300ms' });
  start();
  await until('time up', () => events().includes('TimeUp') && is('fail', 'AllRecovered'));
  expect(world.on.size).toBe(0);
  expect(found('fail')?.status?.experiment?.desiredPhase).toBe('Stop');
});

test('a pod that comes later is hit, too; one that goes takes its record with it', async () => {
  world.pod('web-0');
  apply('fail', {});
  start('a', {});
  await until('all injected', () => is('fail', 'AllInjected'));
  world.pod('web-1');
  world.server.change(`${chaos}/fail`, (each) => {
    each.metadata.annotations = { touched: 'true' };
  });
  await until('both', () => world.on.size === 2 && is('fail', 'AllInjected'));
});

test('CM-12 pause takes it off and lets it on again', async () => {
  world.pod('web-0');
  apply('fail', {});
  start();
  await until('on', () => is('fail', 'AllInjected'));
  const pause = (value: string) =>
    world.server.change(`${chaos}/fail`, (each) => {
      each.metadata.annotations = { 'experiment.chaos-mesh.org/pause': value };
    });
  pause('true');
  await until('paused', () => is('fail', 'Paused') && is('fail', 'AllRecovered'));
  expect(world.on.size).toBe(0);
  pause('false');
  await until('on again', () => is('fail', 'AllInjected'));
  expect(world.on.size).toBe(1);
});

test('CM-13 deleted while it is being put on: taken off without waiting for the rest', async () => {
  world.pod('web-0');
  let looking = false;
  world.before.observe = (signal) => {
    looking = true;
    return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));
  };
  apply('fail', {});
  start();
  await until('looking', () => looking);
  world.server.remove(`${chaos}/fail`);
  await until('gone', () => found('fail') === undefined);
  expect(world.log).toEqual(['inject web-0', 'recover web-0']);
  expect(world.on.size).toBe(0);
});

test('a changed document: off as it was, on as it is', async () => {
  world.pod('web-0');
  world.pod('db-0', { app: 'db' });
  apply('fail', {});
  start();
  await until('on', () => is('fail', 'AllInjected'));
  world.server.change(`${chaos}/fail`, (each) => {
    each.spec = { ...(each.spec as object), selector: { namespaces: ['shop'], labelSelectors: { app: 'db' } } };
  });
  await until('changed', () => world.log.includes('inject db-0') && is('fail', 'AllInjected'));
  expect(world.log).toEqual(['inject web-0', 'recover web-0', 'inject db-0']);
  await until('told', () => events().includes('Updated'));
});

test('a leader that is killed in the middle of an injection: the next one goes on', async () => {
  world.pod('web-0');
  const first = world.operator('a');
  world.before.inject = async () => first.kill();
  apply('fail', {});
  await until('in the middle', () => world.log.length === 1);
  delete world.before.inject;
  expect(JSON.stringify(found('fail')?.status)).toContain('"intent"');
  start('b');
  await until('the next one has it on', () => is('fail', 'AllInjected'));
  expect(world.log).toEqual(['inject web-0', 'inject web-0']);
  world.server.remove(`${chaos}/fail`);
  await until('gone', () => found('fail') === undefined);
  expect(world.on.size).toBe(0);
});

test('a leader that is killed, and the resource deleted meanwhile: the next one takes it off', async () => {
  world.pod('web-0');
  const first = world.operator('a');
  world.before.inject = async () => first.kill();
  apply('fail', {});
  await until('in the middle', () => world.log.length === 1);
  delete world.before.inject;
  world.server.remove(`${chaos}/fail`);
  start('b');
  await until('gone', () => found('fail') === undefined);
  expect(world.log).toEqual(['inject web-0', 'recover web-0']);
});

test('CM-13 what cannot be recovered is never said to be; with force it is let go, and written down', async () => {
  world.pod('web-0');
  apply('fail', {});
  start();
  await until('on', () => is('fail', 'AllInjected'));
  world.before.recover = () => Promise.reject(new Error('the node does not answer'));
  world.server.remove(`${chaos}/fail`);
  await until('tried', () => events().includes('Failed'));
  expect(found('fail')).toBeDefined();
  world.server.change(`${chaos}/fail`, (each) => {
    each.metadata.annotations = { 'chaos-mesh.chaos-mesh.org/cleanFinalizer': 'forced' };
  });
  await until('let go', () => found('fail') === undefined);
  await until('told', () => events().includes('RecoveryUnverified'));
  await until(
    'kept on record',
    () => world.server.find('/api/v1/namespaces/zashiki/configmaps/zashiki-unverified') !== undefined,
  );
});

test('CM-13 patience ends: a resource that was deleted does not hang for ever', async () => {
  world.pod('web-0');
  apply('fail', {});
  start('a', { patience: 1200 });
  await until('on', () => is('fail', 'AllInjected'));
  world.before.recover = () => Promise.reject(new Error('the node does not answer'));
  world.server.remove(`${chaos}/fail`);
  await until('let go', () => found('fail') === undefined);
  await until('told', () => events().includes('RecoveryUnverified'));
});

test('the stop lever takes everything off, and keeps everything off', async () => {
  world.pod('web-0');
  apply('fail', {});
  start();
  await until('on', () => is('fail', 'AllInjected'));
  const lever = '/api/v1/namespaces/zashiki/configmaps/zashiki-stop';
  world.server.put(lever, { metadata: { name: 'zashiki-stop' }, data: { reason: 'incident 7' } });
  await until('off', () => world.on.size === 0 && is('fail', 'AllRecovered'));
  apply('kill', { action: 'pod-kill' });
  await until('refused', () => found('kill')?.status?.zashiki?.because === 'stopped');
  expect(world.log.filter((line) => line.startsWith('kill'))).toEqual([]);
  world.server.remove(lever);
  await until('killed', () => world.log.includes('kill web-0'));
});

test('CM-15 a kill is done once, whatever comes later', async () => {
  world.pod('web-0');
  apply('kill', { action: 'pod-kill' });
  start();
  await until('killed', () => is('kill', 'AllInjected'));
  world.pod('web-0');
  world.server.change(`${chaos}/kill`, (each) => {
    each.metadata.annotations = { touched: 'true' };
  });
  const looks = () => world.server.calls.filter((call) => call === 'GET shop/podchaos/kill').length;
  const before = looks();
  world.server.change(`${chaos}/kill`, (each) => {
    each.metadata.annotations = { touched: 'again' };
  });
  await until('looked at', () => looks() > before + 1);
  world.server.remove(`${chaos}/kill`);
  await until('gone', () => found('kill') === undefined);
  expect(world.log).toEqual(['kill web-0']);
});

test('four hundred pods: each is killed once, in few writes, and the status stays small', async () => {
  for (let i = 0; i < 400; i++) world.pod(`web-${i}`);
  apply('kill', { action: 'pod-kill' });
  start();
  await until('killed', () => is('kill', 'AllInjected'), 30_000);
  expect(new Set(world.log).size).toBe(400);
  expect(world.log).toHaveLength(400);
  const writes = world.server.calls.filter((call) => call.startsWith('PUT') && call.endsWith('status'));
  expect(writes.length).toBeLessThan(150);
  expect(JSON.stringify(found('kill')).length).toBeLessThan(400 * 700);
});

test('two on one pod at a time: the second waits for the first', async () => {
  world.pod('web-0');
  apply('one', {});
  start();
  await until('on', () => is('one', 'AllInjected'));
  apply('two', {});
  await until('told', () => JSON.stringify(found('two')?.status ?? '').includes('is still on there'));
  expect(is('two', 'AllInjected')).toBe(false);
  world.server.remove(`${chaos}/one`);
  await until('the second', () => is('two', 'AllInjected'));
});

test('no more targets at a time than the blast radius of all', async () => {
  for (const name of ['web-0', 'web-1', 'web-2']) world.pod(name);
  apply('fail', {});
  start('a', { budget: { count: 2 } });
  await until('told', () => JSON.stringify(found('fail')?.status ?? '').includes('blast radius'));
  await until('two', () => world.on.size === 2);
  expect(is('fail', 'AllInjected')).toBe(false);
});

test('no more of a namespace at a time than its share, over all resources', async () => {
  for (const i of [0, 1, 2, 3, 4, 5, 6]) world.pod(`web-${i}`);
  apply('one', { mode: 'one' });
  start('a', { budget: { percent: 50 } });
  await until('the first', () => is('one', 'AllInjected'));
  apply('fail', {});
  await until('told', () => JSON.stringify(found('fail')?.status ?? '').includes('50 % of the pods in shop (3)'));
  await until('three of seven', () => world.on.size === 3);
  expect(is('fail', 'AllInjected')).toBe(false);
});

test('a server that has forgotten its history is listed anew', async () => {
  world.pod('web-0');
  start();
  await until('watching', () => world.said.some((line) => line.includes('watching')));
  world.server.compact();
  apply('fail', {});
  world.server.compact();
  await until('on', () => is('fail', 'AllInjected'));
});

test('a server that does not answer for a while holds nothing up for good', async () => {
  world.pod('web-0');
  apply('fail', {});
  start();
  await until('on', () => is('fail', 'AllInjected'));
  world.server.refuse = (method) => (method === 'GET' ? undefined : 500);
  world.server.remove(`${chaos}/fail`);
  await new Promise((resolve) => setTimeout(resolve, 500));
  world.server.refuse = () => undefined;
  await until('gone', () => found('fail') === undefined, 15_000);
  expect(world.on.size).toBe(0);
});

test('a document that means nothing is said to, and nothing is done', async () => {
  world.pod('web-0');
  apply('wrong', { action: 'pod-explode' });
  start();
  await until('told', () => found('wrong')?.status?.zashiki?.because === 'refused');
  expect(world.log).toEqual([]);
  world.server.remove(`${chaos}/wrong`);
  await until('gone', () => found('wrong') === undefined);
});

test('while the controller of Chaos Mesh is alive, its resources are left to it', async () => {
  world.pod('web-0');
  world.server.put('/apis/coordination.k8s.io/v1/namespaces/chaos-mesh/leases/chaos-mesh', {
    metadata: { name: 'chaos-mesh' },
    spec: { holderIdentity: 'controller-1', renewTime: new Date().toISOString() },
  });
  apply('fail', {});
  start();
  await until('told', () => events().includes('NotActing'));
  expect(found('fail')?.metadata.finalizers).toBeUndefined();
  expect(world.log).toEqual([]);
});
