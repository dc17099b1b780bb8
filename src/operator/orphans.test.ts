import { afterEach, beforeEach, expect, test } from 'vitest';
import { openWorld, type World } from './fixtures/world.ts';
import type { Resource } from './resource.ts';

const chaos = '/apis/chaos-mesh.org/v1alpha1/namespaces/shop/podchaos';
const experiments = '/apis/zashiki.dev/v1/namespaces/shop/experiments';
let world: World;
let operator: { stop(): Promise<void> } | undefined;

beforeEach(async () => {
  world = await openWorld();
});
afterEach(async () => {
  expect(world.log.filter((line) => line.startsWith('UNWRITTEN'))).toEqual([]);
  await Promise.race([operator?.stop(), new Promise((resolve) => setTimeout(resolve, 500))]);
  await world.server.close();
});

const found = (path: string) => world.server.find(path) as unknown as Resource | undefined;
const isOn = (path: string) => JSON.stringify(found(path)?.status ?? '').includes('"phase":"on"');

async function until(what: string, test: () => boolean) {
  for (const end = performance.now() + 20_000; !test(); ) {
    if (performance.now() > end) throw new Error(`never: ${what}\n${world.log.join('\n')}\n${world.said.join('\n')}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** A pod that a resource makes fail; returns the pod's uid. */
async function failing(name: string, more = {}) {
  const uid = world.pod('web-0');
  apply(name);
  operator = world.operator('a', more);
  await until('on', () => isOn(`${chaos}/${name}`));
  return uid;
}

const apply = (name: string) =>
  world.server.put(`${chaos}/${name}`, {
    apiVersion: 'chaos-mesh.org/v1alpha1',
    kind: 'PodChaos',
    metadata: { name },
    spec: { action: 'pod-failure', mode: 'all', selector: { namespaces: ['shop'], labelSelectors: { app: 'web' } } },
  });

/** As by `kubectl patch … finalizers: null` on what is being deleted. */
function tearOut(path: string) {
  world.server.change(path, ({ metadata }) => {
    metadata.deletionTimestamp = new Date().toISOString();
    metadata.finalizers = [];
  });
  expect(found(path)).toBeUndefined();
}

test('a resource that goes without us: what it had on is recovered, and not held on meanwhile', async () => {
  const uid = await failing('fail');
  const wanted = world.wanted.get(uid);
  expect(wanted?.()).toBe(true);
  let heldOn: boolean | undefined;
  world.before.recover = async () => {
    heldOn ??= wanted?.();
  };
  tearOut(`${chaos}/fail`);
  await until('recovered', () => world.said.some((line) => line.endsWith('PodChaos shop/fail: recovered')));
  expect(world.log).toEqual(['inject web-0', 'recover web-0']);
  expect(world.on.size).toBe(0);
  expect(heldOn).toBe(false);
  expect(wanted?.()).toBe(false);
  // It holds its pod no longer.
  apply('next');
  await until('the next one', () => isOn(`${chaos}/next`));
});

test('what cannot be recovered of a resource that is gone is kept on record', async () => {
  await failing('fail', { patience: 300 });
  world.before.recover = () => Promise.reject(new Error('the node does not answer'));
  tearOut(`${chaos}/fail`);
  const record = '/api/v1/namespaces/zashiki/configmaps/zashiki-unverified';
  await until('kept on record', () => world.server.find(record) !== undefined);
  expect(JSON.stringify(world.server.find(record))).toContain('the node does not answer');
  await until('said', () => world.said.some((line) => line.includes('not all could be recovered')));
});

test('an operator that ends before it has recovered what is gone keeps it on record', async () => {
  await failing('fail');
  world.before.recover = () => Promise.reject(new Error('the node does not answer'));
  tearOut(`${chaos}/fail`);
  await until('tried', () => world.said.some((line) => line.includes('was not let go by us')));
  await operator?.stop();
  const record = world.server.find('/api/v1/namespaces/zashiki/configmaps/zashiki-unverified');
  expect(JSON.stringify(record)).toContain('the operator ended before it was recovered');
});

test('a kind that the server does not know for a moment: nothing is taken off', async () => {
  const uid = await failing('fail');
  const asked = { one: 0, all: 0 };
  world.server.refuse = (method, path) => {
    if (method !== 'GET' || !path.includes('/podchaos')) return undefined;
    if (path.endsWith('/podchaos/fail')) asked.one++;
    else if (path.includes('/shop/')) asked.all++;
    return 404;
  };
  // Watches end, and the list is not there: it is said to be gone.
  world.server.compact();
  await until('made sure of', () => asked.one > 0 && asked.all > 1);
  world.server.refuse = () => undefined;
  const looks = () => world.server.calls.filter((call) => call === 'GET shop/podchaos/fail').length;
  const before = looks();
  await until('looked at', () => looks() > before + 1);
  expect(world.log).toEqual(['inject web-0']);
  expect(world.wanted.get(uid)?.()).toBe(true);
});

test('a resource that is not found for a moment is looked at again, though nobody says a word', async () => {
  await failing('fail');
  let asked = 0;
  world.server.refuse = (method, path) => {
    if (method !== 'GET' || !path.endsWith('/podchaos/fail')) return undefined;
    asked++;
    return 404;
  };
  world.server.change(`${chaos}/fail`, ({ metadata }) => {
    metadata.annotations = { touched: 'true' };
  });
  await until('not found', () => asked > 0);
  // Whatever was said until now has been heard.
  await new Promise((resolve) => setTimeout(resolve, 500));
  world.server.refuse = () => undefined;
  const looks = () => world.server.calls.filter((call) => call === 'GET shop/podchaos/fail').length;
  const before = looks();
  await until('looked at', () => looks() > before);
});

test('a status that was removed: what is on is recovered before anything is begun anew', async () => {
  const uid = await failing('fail');
  const first = world.wanted.get(uid);
  world.server.change(`${chaos}/fail`, (each) => {
    delete each.status;
  });
  await until('on again', () => world.log.length >= 3 && isOn(`${chaos}/fail`));
  expect(world.log).toEqual(['inject web-0', 'recover web-0', 'inject web-0']);
  await until('told', () => world.server.objects().some(({ reason }) => reason === 'StatusLost'));
  expect(first).not.toBe(world.wanted.get(uid));
  world.server.remove(`${chaos}/fail`);
  await until('gone', () => found(`${chaos}/fail`) === undefined);
  expect(world.on.size).toBe(0);
});

test('a status that was removed, and the resource deleted: it goes when nothing is on any more', async () => {
  await failing('fail');
  world.server.change(`${chaos}/fail`, (each) => {
    delete each.status;
    each.metadata.deletionTimestamp = new Date().toISOString();
  });
  await until('gone', () => found(`${chaos}/fail`) === undefined);
  expect(world.log).toEqual(['inject web-0', 'recover web-0']);
  expect(world.on.size).toBe(0);
});

test('an operator that may not read its resources any more does not hold them on', async () => {
  const uid = await failing('fail', { trust: 2000 });
  const wanted = world.wanted.get(uid);
  expect(wanted?.()).toBe(true);
  world.server.refuse = (_, path) => (path.includes('/podchaos') ? 403 : undefined);
  await until('let go', () => wanted?.() === false);
  expect(world.log).toEqual(['inject web-0']);
});

test('the run of an Experiment that is gone is ended, and recovers', async () => {
  const uid = world.pod('web-0');
  world.server.put(`${experiments}/drill`, {
    apiVersion: 'zashiki.dev/v1',
    kind: 'Experiment',
    metadata: { name: 'drill' },
    spec: {
      method: [
        {
          fault: 'pod-failure',
          target: { kubernetes: { labels: { app: 'web' } } },
          duration: '1h',
        },
      ],
    },
  });
  operator = world.operator('a');
  await until('on', () => world.on.size === 1);
  expect(world.wanted.get(uid)?.()).toBe(true);
  tearOut(`${experiments}/drill`);
  await until('off', () => world.on.size === 0);
  await until('said', () => world.said.some((line) => line.includes('its run is ended')));
  expect(world.log).toEqual(['inject web-0', 'recover web-0']);
  expect(world.wanted.get(uid)?.()).toBe(false);
});
