import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { apply, eventually, exec, kubectl, unable } from '../../test/fixtures/kubernetes.ts';
import {
  chaos,
  imagesOf,
  install,
  look,
  remove,
  shop,
  uninstall,
  waitFor,
  web,
} from '../../test/fixtures/kubernetes-operator.ts';

const minutes = 60_000;

describe.skipIf(unable)('faults of an operator in a real cluster', () => {
  beforeAll(() => install());
  afterAll(async () => void (await uninstall()));

  test('CM-09, CM-16 pod-failure: a neighbor gets no answer; deleted, it does again', {
    timeout: 6 * minutes,
  }, async () => {
    const { ns, answers } = await shop();
    expect(await answers()).toBe(true);
    await apply(chaos('PodChaos', 'fail', ns, { action: 'pod-failure', mode: 'all', selector: web }));
    await waitFor(ns, 'podchaos/fail', 'AllInjected');
    expect(await answers()).toBe(false);
    const { status } = await look(ns, 'podchaos/fail');
    expect(status.experiment).toMatchObject({
      desiredPhase: 'Run',
      containerRecords: [{ phase: 'Injected', injectedCount: 1, selectorKey: '.' }],
    });
    await remove(ns, 'podchaos/fail', 120);
    await eventually(() => answers());
    expect(await imagesOf(ns)).toBe('zashiki-lab/echo:1');
  });

  test('CM-15 pod-kill: the pod is another one, once', { timeout: 6 * minutes }, async () => {
    const { ns } = await shop();
    const uids = () => kubectl(['-n', ns, 'get', 'pods', '-l', 'app=web', '-o', 'jsonpath={.items[*].metadata.uid}']);
    const before = await uids();
    await apply(chaos('PodChaos', 'kill', ns, { action: 'pod-kill', mode: 'all', selector: web }));
    await waitFor(ns, 'podchaos/kill', 'AllInjected');
    const after = await eventually(async () => {
      const now = await uids();
      return now !== '' && now !== before && !now.includes(' ') ? now : false;
    });
    await kubectl(['-n', ns, 'annotate', 'podchaos', 'kill', 'touched=true']);
    await remove(ns, 'podchaos/kill', 60);
    expect(await uids()).toBe(after);
  });

  test('CM-17 container-kill: the container is started again, the pod is the same', {
    timeout: 6 * minutes,
  }, async () => {
    const { ns } = await shop();
    const uidAndRestarts = '{.items[0].metadata.uid} {.items[0].status.containerStatuses[0].restartCount}';
    const seen = () => kubectl(['-n', ns, 'get', 'pods', '-l', 'app=web', '-o', `jsonpath=${uidAndRestarts}`]);
    const [uid] = (await seen()).split(' ');
    await apply(
      chaos('PodChaos', 'kill', ns, { action: 'container-kill', mode: 'one', selector: web, containerNames: ['main'] }),
    );
    await waitFor(ns, 'podchaos/kill', 'AllInjected');
    await eventually(async () => (await seen()) === `${uid} 1`);
  });

  test('CM-18 NetworkChaos through the agent: packets are late for a neighbor, then not', {
    timeout: 8 * minutes,
  }, async () => {
    const { ns, neighbor, ip } = await shop();
    const ping = async () => {
      const said = await exec(ns, neighbor, 'ping', '-c', '4', '-q', ip);
      return Number(/= [\d.]+\/([\d.]+)\//.exec(said)?.[1]);
    };
    const spec = { action: 'delay', mode: 'all', selector: web, delay: { latency: '400ms' } };
    await apply(chaos('NetworkChaos', 'late', ns, spec));
    await waitFor(ns, 'networkchaos/late', 'AllInjected');
    expect(await ping()).toBeGreaterThan(390);
    await remove(ns, 'networkchaos/late', 120);
    expect(await ping()).toBeLessThan(390);
  });

  test('a changed document: off as it was, on as it is', { timeout: 6 * minutes }, async () => {
    const { ns } = await shop();
    const fail = (app: string) =>
      chaos('PodChaos', 'fail', ns, { action: 'pod-failure', mode: 'all', selector: { labelSelectors: { app } } });
    await apply(fail('web'));
    await waitFor(ns, 'podchaos/fail', 'AllInjected');
    await apply(fail('nobody'));
    await eventually(async () => (await imagesOf(ns)) === 'zashiki-lab/echo:1');
    await waitFor(ns, 'podchaos/fail', 'AllInjected=False');
    await apply(fail('web'));
    await waitFor(ns, 'podchaos/fail', 'AllInjected');
    await remove(ns, 'podchaos/fail', 120);
  });
});
