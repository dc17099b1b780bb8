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

const pods = 2000;
/** What etcd takes in one request, unless told otherwise. */
const etcdLimit = 1.5 * 1024 * 1024;

describe.skipIf(unable)('two thousand pods', () => {
  beforeAll(() => install());
  afterAll(async () => void (await uninstall()));

  test('are killed once each, within what the API server takes, while another experiment has its turn', {
    timeout: 600_000,
  }, async () => {
    const ns = await namespace();
    const small = await shop();
    const simulated = await (await cluster()).simulate({ nodes: 20, pods, namespace: ns });
    onTestFinished(() => simulated.remove());
    const selector = { labelSelectors: { 'zashiki.dev/simulated': simulated.label } };
    const before = await operatorMemory();
    const from = Date.now();
    await apply(chaos('PodChaos', 'kill', ns, { action: 'pod-kill', mode: 'all', selector }));
    await eventually(async () => (recordsOf(await look(ns, 'podchaos/kill')) ?? []).length > 0);
    await apply(chaos('PodChaos', 'fail', small.ns, { action: 'pod-failure', mode: 'all', selector: web }));
    await waitFor(small.ns, 'podchaos/fail', 'AllInjected');
    expect(await small.answers()).toBe(false);
    const meanwhile = await look(ns, 'podchaos/kill');
    expect(conditionOf(meanwhile, 'AllInjected')?.status, 'the large one is still at it').toBe('False');
    await waitFor(ns, 'podchaos/kill', 'AllInjected', 400);
    const took = (Date.now() - from) / 1000;

    const left = await kubectl(['-n', ns, 'get', 'pods', '-o', 'name']);
    expect(left).toBe('');
    const done = await look(ns, 'podchaos/kill');
    const records = recordsOf(done);
    expect(records).toHaveLength(pods);
    expect(records.every(({ phase, injectedCount }) => phase === 'Injected' && injectedCount === 1)).toBe(true);
    const whole = await kubectl(['-n', ns, 'get', 'podchaos', 'kill', '-o', 'json', '--show-managed-fields']);
    const bytes = JSON.stringify(JSON.parse(whole)).length;
    const calls = (await operatorCalls(from)).filter(({ requestURI }) => !requestURI.includes(small.ns));
    const busy = calls.filter(
      ({ responseStatus }) => responseStatus?.code === 429 || Number(responseStatus?.code) >= 500,
    );
    const after = await operatorMemory();
    console.log(
      [
        `${pods} pods killed in ${took.toFixed(0)} s, ${(calls.length / pods).toFixed(2)} calls for each: ${tally(calls)}`,
        `memory of the operator ${before.now} MiB before, ${after.now} MiB after, ${after.most} MiB at most`,
        `the resource has ${(bytes / 1024).toFixed(0)} KiB`,
      ].join('\n'),
    );
    expect(busy, tally(busy)).toEqual([]);
    const deletes = calls.filter(({ verb, objectRef }) => verb === 'delete' && objectRef?.resource === 'pods');
    expect(deletes).toHaveLength(pods);
    expect(calls.length / pods).toBeLessThan(10);
    expect(bytes).toBeLessThan(etcdLimit);
    await remove(small.ns, 'podchaos/fail');
    await remove(ns, 'podchaos/kill');
  });
});
