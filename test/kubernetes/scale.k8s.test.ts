import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { apply, cluster, eventually, kubectl, namespace, unable } from '../fixtures/kubernetes.ts';
import {
  chaos,
  conditionOf,
  install,
  look,
  operatorCalls,
  operatorMemory,
  recordsOf,
  remove,
  shop,
  tally,
  uninstall,
  waitFor,
  web,
} from '../fixtures/kubernetes-operator.ts';

const many = 2000;

describe.skipIf(unable)(`${many} pods in one resource`, () => {
  beforeAll(() => install());
  afterAll(async () => void (await uninstall()));

  test('each is killed once, within the limits of the API server; who comes meanwhile does not wait for them', {
    timeout: 900_000,
  }, async () => {
    const { simulate } = await cluster();
    const ns = await namespace();
    const small = await shop();
    const simulated = await simulate({ nodes: 5, pods: many, namespace: ns });
    onTestFinished(() => simulated.remove());
    const before = await operatorMemory();

    const from = Date.now();
    const selector = { labelSelectors: { 'zashiki.dev/simulated': simulated.label } };
    await apply(chaos('PodChaos', 'all', ns, { action: 'pod-kill', mode: 'all', selector }));
    const killed = async () =>
      recordsOf(await look(ns, 'podchaos/all')).filter((each) => each.injectedCount > 0).length;
    await eventually(async () => (await killed()) > 0);

    await apply(chaos('NetworkChaos', 'cut', small.ns, { action: 'partition', mode: 'all', selector: web }));
    await waitFor(small.ns, 'networkchaos/cut', 'AllInjected');
    expect(await small.answers()).toBe(false);
    await remove(small.ns, 'networkchaos/cut');
    expect(await small.answers()).toBe(true);
    expect(conditionOf(await look(ns, 'podchaos/all'), 'AllInjected')?.status, 'they still go on').toBe('False');

    await waitFor(ns, 'podchaos/all', 'AllInjected', 600);
    const records = recordsOf(await look(ns, 'podchaos/all'));
    expect(new Set(records.map(({ id }) => id)).size).toBe(many);
    expect(records.filter(({ phase, injectedCount }) => phase !== 'Injected' || injectedCount !== 1)).toEqual([]);
    await eventually(async () => (await kubectl(['-n', ns, 'get', 'pods', '-o', 'name'])) === '');

    const calls = await operatorCalls(from);
    const refused = calls.filter(({ responseStatus }) => responseStatus?.code === 429);
    expect(refused, 'calls that were too many for the API server').toEqual([]);
    const deleted = calls.filter(({ verb, objectRef }) => verb === 'delete' && objectRef?.namespace === ns);
    expect(deleted, 'each pod is deleted once').toHaveLength(many);
    expect(calls.length / many, 'calls for each pod').toBeLessThan(7);
    const { now, most } = await operatorMemory();
    console.log(`calls for each pod: ${(calls.length / many).toFixed(1)}; ${tally(calls)}`);
    console.log(`memory of the operator: ${before.now} MiB before, ${now} MiB after, never more than ${most} MiB`);
    await remove(ns, 'podchaos/all');
  });
});
