import { describe, expect, onTestFinished, test } from 'vitest';
import { apply, eventually, kubectl, unable } from '../fixtures/kubernetes.ts';
import {
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

const cut = (ns: string) => chaos('NetworkChaos', 'cut', ns, { action: 'partition', mode: 'all', selector: web });
const mayOperator = async (...what: readonly string[]) => {
  const account = `system:serviceaccount:${own}:zashiki-operator`;
  return (await kubectl(['auth', 'can-i', ...what, '--as', account]).catch(() => 'no')).trim();
};

/** How many of its pods answer. */
async function answering({ ips, answers }: Shop): Promise<number> {
  const all = await Promise.all(ips.map((ip) => answers(ip)));
  return all.filter(Boolean).length;
}

describe.skipIf(unable)('an installation with limits', () => {
  test('--opt-in, --blast-radius and the stop lever', { timeout: 600_000 }, async () => {
    // Four pods with the neighbor.
    const all = await shop(3);
    onTestFinished(() => uninstall());
    await install('--opt-in', '--blast-radius', '50%');
    await apply(cut(all.ns));
    const message = async () => (await look(all.ns, 'networkchaos/cut')).status?.zashiki?.message ?? '';
    await eventually(async () => (await message()).includes('does not say zashiki.dev/inject: enabled'));
    expect(await answering(all)).toBe(3);

    await kubectl(['label', 'namespace', all.ns, 'zashiki.dev/inject=enabled']);
    const hit = async () =>
      recordsOf(await look(all.ns, 'networkchaos/cut')).filter(({ phase }) => phase === 'Injected').length;
    await eventually(async () => (await hit()) === 2);
    await eventually(async () =>
      JSON.stringify((await look(all.ns, 'networkchaos/cut')).status).includes('50 % of the pods in'),
    );
    expect(await answering(all), 'half of four').toBe(1);
    expect(conditionOf(await look(all.ns, 'networkchaos/cut'), 'AllInjected')?.status).toBe('False');

    await kubectl(['-n', own, 'create', 'configmap', 'zashiki-stop', '--from-literal=reason=incident 42']);
    await waitFor(all.ns, 'networkchaos/cut', 'AllRecovered');
    expect(await answering(all)).toBe(3);
    const pods = () => kubectl(['-n', all.ns, 'get', 'pods', '-o', 'jsonpath={.items[*].metadata.uid}']);
    const before = await pods();
    await apply(chaos('PodChaos', 'kill', all.ns, { action: 'pod-kill', mode: 'one', selector: web }));
    await eventually(async () => (await look(all.ns, 'podchaos/kill')).status?.zashiki?.because === 'stopped');
    expect(await pods(), 'nobody is killed').toBe(before);
    await remove(all.ns, 'podchaos/kill');
    await kubectl(['-n', own, 'delete', 'configmap', 'zashiki-stop']);
    await eventually(async () => (await hit()) === 2);
    expect(await answering(all)).toBe(1);
    await remove(all.ns, 'networkchaos/cut');
    expect(await answering(all)).toBe(3);
  });

  test('--namespaced: with rights in there alone it does all of it there, and nothing elsewhere', {
    timeout: 600_000,
  }, async () => {
    const [its, other] = [await shop(), await shop()];
    const flags = ['--namespaced', its.ns];
    onTestFinished(() => uninstall(...flags));
    await install(...flags);
    expect(await mayOperator('delete', 'pods', '-n', its.ns)).toBe('yes');
    expect(await mayOperator('delete', 'pods', '-n', other.ns)).toBe('no');
    expect(await mayOperator('get', 'nodes')).toBe('no');
    expect(await mayOperator('list', 'pods', '--all-namespaces')).toBe('no');

    await apply(cut(its.ns));
    await waitFor(its.ns, 'networkchaos/cut', 'AllInjected');
    expect(await its.answers()).toBe(false);
    await remove(its.ns, 'networkchaos/cut');
    expect(await its.answers()).toBe(true);
    await apply(chaos('PodChaos', 'fail', its.ns, { action: 'pod-failure', mode: 'all', selector: web }));
    await waitFor(its.ns, 'podchaos/fail', 'AllInjected');
    expect(await its.answers()).toBe(false);
    await remove(its.ns, 'podchaos/fail');
    await eventually(() => its.answers());

    const away = { ...cut(its.ns), spec: { ...cut(its.ns).spec, selector: { namespaces: [other.ns], ...web } } };
    await expect(apply(away)).rejects.toThrow(other.ns);
    expect(await other.answers()).toBe(true);
  });
});
