import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { apply, eventually, kubectl, unable } from '../fixtures/kubernetes.ts';
import {
  agents,
  askAgent,
  chaos,
  conditionOf,
  install,
  look,
  own,
  recordsOf,
  remove,
  type Shop,
  shop,
  uninstall,
  waitFor,
  web,
} from '../fixtures/kubernetes-operator.ts';

const cut = { action: 'partition', mode: 'all', selector: web };
const isGone = async (ns: string) =>
  (await kubectl(['get', 'namespace', ns, '--ignore-not-found', '-o', 'name'])) === '';

/** The faults that the agents of all nodes have on, or could not take off. */
async function onNodes(): Promise<readonly string[]> {
  const said = await Promise.all(Object.values(await agents()).map((pod) => askAgent(pod, '/v1/status')));
  expect(said).toHaveLength(2);
  return said.flatMap(({ injections, leftovers }) => [
    ...injections.map(({ fault }: { fault: string }) => fault),
    ...leftovers,
  ]);
}

/** The names of the pods of a shop that serve. */
async function serving({ ns }: Shop): Promise<readonly string[]> {
  const said = await kubectl(['-n', ns, 'get', 'pods', '-l', 'app=web', '-o', 'jsonpath={.items[*].metadata.name}']);
  return said.split(' ');
}

describe.skipIf(unable)('a namespace is deleted with live chaos', () => {
  beforeAll(() => install());
  afterAll(async () => void (await uninstall()));

  test('CM-13 of every kind, on its own pods: it is gone, and nothing is left on the nodes', {
    timeout: 600_000,
  }, async () => {
    const { ns } = await shop(2);
    const fault = { ...cut, action: 'delay', delay: { latency: '300ms' } };
    await apply(
      chaos('NetworkChaos', 'late', ns, fault),
      chaos('StressChaos', 'busy', ns, { mode: 'one', selector: web, stressors: { cpu: { workers: 1, load: 5 } } }),
      chaos('PodChaos', 'fail', ns, { action: 'pod-failure', mode: 'one', selector: web }),
      chaos('Schedule', 'often', ns, {
        ...{ schedule: '@every 20s', concurrencyPolicy: 'Allow', type: 'PodChaos' },
        podChaos: { action: 'container-kill', mode: 'one', selector: web, containerNames: ['main'] },
      }),
      chaos('Workflow', 'flow', ns, {
        entry: 'fault',
        templates: [{ name: 'fault', templateType: 'NetworkChaos', deadline: '10m', networkChaos: fault }],
      }),
      {
        apiVersion: 'zashiki.dev/v1',
        kind: 'Experiment',
        metadata: { name: 'run', namespace: ns },
        spec: {
          method: [
            {
              fault: 'process-pause',
              target: { kubernetes: { fields: { 'metadata.name': 'neighbor' } } },
              mode: 'one',
              duration: '10m',
            },
          ],
        },
      },
    );
    const byAgents = ['cpu-stress', 'network-delay', 'process-pause'];
    await eventually(async () => {
      const on = await onNodes();
      return byAgents.every((fault) => on.includes(fault));
    });
    await kubectl(['delete', 'namespace', ns, '--wait=false']);
    await eventually(() => isGone(ns), 240);
    await eventually(async () => (await onNodes()).length === 0);
    const unverified = await kubectl([
      '-n',
      own,
      'get',
      'configmap',
      '--ignore-not-found',
      '-oyaml',
      'zashiki-unverified',
    ]);
    expect(unverified).not.toContain(ns);
  });

  test('that reaches into another one: the pods there are as before', async () => {
    const [its, theirs] = [await shop(), await shop()];
    const there = { namespaces: [theirs.ns], ...web };
    await apply(chaos('NetworkChaos', 'cut', its.ns, { ...cut, selector: there }));
    await waitFor(its.ns, 'networkchaos/cut', 'AllInjected');
    expect(await theirs.answers()).toBe(false);
    const pods = await serving(theirs);
    await kubectl(['delete', 'namespace', its.ns, '--wait=false']);
    await eventually(() => isGone(its.ns), 240);
    expect(await theirs.answers()).toBe(true);
    expect(await serving(theirs), 'the same pods').toEqual(pods);
  });

  test('in which only the targets are: nobody is hit any more, and the resource can be deleted', async () => {
    const [its, theirs] = [await shop(), await shop()];
    await apply(chaos('NetworkChaos', 'cut', its.ns, { ...cut, selector: { namespaces: [theirs.ns], ...web } }));
    await waitFor(its.ns, 'networkchaos/cut', 'AllInjected');
    await kubectl(['delete', 'namespace', theirs.ns, '--wait=false']);
    await eventually(() => isGone(theirs.ns), 240);
    const now = await eventually(async () => {
      const resource = await look(its.ns, 'networkchaos/cut');
      return conditionOf(resource, 'AllInjected')?.status === 'False' ? resource : false;
    });
    expect(recordsOf(now).filter(({ phase }) => phase === 'Injected')).toEqual([]);
    await remove(its.ns, 'networkchaos/cut');
    const reasons = await kubectl(['-n', its.ns, 'get', 'events', '-o', 'jsonpath={.items[*].reason}']);
    expect(reasons).not.toContain('RecoveryUnverified');
    expect(await its.answers()).toBe(true);
  });
});
