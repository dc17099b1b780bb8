import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { apply, cluster, eventually, kubectl, unable } from '../fixtures/kubernetes.ts';
import {
  agents,
  chaos,
  conditionOf,
  install,
  look,
  own,
  recordsOf,
  remove,
  shop,
  uninstall,
  waitFor,
  web,
} from '../fixtures/kubernetes-operator.ts';

async function n2() {
  const node = (await cluster()).nodes.find(({ name }) => name === 'n2');
  if (!node) throw new Error('no node n2');
  const isReady = async () => {
    const shown = ['-o', 'jsonpath={.status.conditions[?(@.type=="Ready")].status}'];
    return (await kubectl(['get', 'node', 'n2', '--ignore-not-found', ...shown])) === 'True';
  };
  const back = async () => {
    await node.start();
    await eventually(isReady);
  };
  // What a test has switched off is on for the next one.
  onTestFinished(back);
  return { kill: () => node.kill(), isReady, back };
}

describe.skipIf(unable)('a node is lost in the middle', () => {
  beforeAll(() => install());
  afterAll(async () => void (await uninstall()));

  const cut = (ns: string) => chaos('NetworkChaos', 'cut', ns, { action: 'partition', mode: 'all', selector: web });
  const ipOf = async (ns: string) =>
    (await kubectl(['-n', ns, 'get', 'pods', '-l', 'app=web', '-o', 'jsonpath={.items[*].status.podIP}'])).trim();

  test('it is rebooted: its agent recovers when it starts, the fault is on in the new containers, and comes off', async () => {
    const node = await n2();
    const { ns, answers, ip } = await shop(1, { node: 'n2' });
    await apply(cut(ns));
    await waitFor(ns, 'networkchaos/cut', 'AllInjected');
    expect(await answers()).toBe(false);
    await node.kill();
    await node.back();
    await eventually(async () => recordsOf(await look(ns, 'networkchaos/cut'))[0]?.injectedCount === 2);
    await waitFor(ns, 'networkchaos/cut', 'AllInjected');
    const agent = (await agents()).n2 as string;
    expect(await kubectl(['-n', own, 'logs', agent])).toMatch(/run \S+: recovered (?!nothing)/);
    const next = await eventually(async () => {
      const now = await ipOf(ns);
      return now !== '' && now !== ip ? now : false;
    });
    expect(await answers(next)).toBe(false);
    await remove(ns, 'networkchaos/cut');
    await eventually(async () => answers(await ipOf(ns)));
  });

  test('it never comes back: nobody pretends to know, and the resource can be deleted', async () => {
    const node = await n2();
    const { ns, answers } = await shop(1, { node: 'n2' });
    await apply(cut(ns));
    await waitFor(ns, 'networkchaos/cut', 'AllInjected');
    expect(await answers()).toBe(false);
    await node.kill();
    await kubectl(['delete', 'node', 'n2']);
    await waitFor(ns, 'networkchaos/cut', 'RecoveryUnverified');
    const told = await look(ns, 'networkchaos/cut');
    expect(conditionOf(told, 'RecoveryUnverified')?.reason).toMatch(/node n2 is no longer in the cluster/);
    expect(conditionOf(told, 'AllInjected')?.status).toBe('False');
    expect(conditionOf(told, 'AllRecovered')?.status).toBe('False');
    expect(recordsOf(told)).toMatchObject([{ phase: 'Injected/Wait', recoveredCount: 0 }]);
    await remove(ns, 'networkchaos/cut', 30);
    const record = await kubectl(['-n', own, 'get', 'configmap', 'zashiki-unverified', '-o', 'json']);
    expect(JSON.parse(record).data).toMatchObject({
      [`NetworkChaos.${ns}.cut.${told.metadata.uid.slice(0, 8)}`]: expect.stringContaining('network-partition'),
    });
  });
});
