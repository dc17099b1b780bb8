import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { apply, eventually, kubectl, namespace, ourImage, unable } from '../../test/fixtures/kubernetes.ts';
import {
  chaos,
  experiment,
  imagesOf,
  install,
  own,
  remove,
  shop,
  signalLeader,
  uninstall,
  waitFor,
  web,
  zashiki,
} from '../../test/fixtures/kubernetes-operator.ts';

const minutes = 60_000;
const messageOf = (error: Error) => error.message;

describe.skipIf(unable)('an installation in a real cluster', () => {
  beforeAll(() => install());
  afterAll(async () => void (await uninstall()));

  const fail = (ns: string) => chaos('PodChaos', 'fail', ns, { action: 'pod-failure', mode: 'all', selector: web });

  test('what is wrong is refused with its place and the fix', async () => {
    const { ns } = await shop();
    const said = (document: object) => apply(document).then(() => 'taken', messageOf);
    const refused = (kind: string, spec: object) => said(chaos(kind, 'bad', ns, spec));
    const late = { action: 'delay', mode: 'all', selector: web };
    expect(await refused('NetworkChaos', { ...late, loss: { loss: '10' }, delay: { latency: '1s' } })).toMatch(
      /spec\.loss: action delay does not use it/,
    );
    expect(await refused('NetworkChaos', { ...late, direction: 'from', delay: { latency: '1s' } })).toMatch(
      /direction from (needs|and both need) a target/,
    );
    expect(
      await refused('PodChaos', { action: 'pod-kill', mode: 'all', selector: { namespaces: ['kube-system'] } }),
    ).toMatch(/kube-system is protected/);
    const io = { action: 'latency', mode: 'all', selector: web, volumePath: '/data', delay: '10ms' };
    expect(await refused('IOChaos', io)).toMatch(/IOChaos is known, and not yet available/);
    const method = [{ fault: 'process-kill', target: { host: { command: 'x' } } }];
    expect(await said(experiment('bad', ns, { method }))).toMatch(/in a cluster only kubernetes is reached/);
  });

  test('who may not make chaos somewhere cannot have it made there', async () => {
    const [mine, theirs] = [await namespace(), await namespace()];
    const rights = ['--verb=create,get,list,patch', '--resource=podchaos.chaos-mesh.org'];
    await kubectl(['-n', mine, 'create', 'role', 'chaos', ...rights]);
    await kubectl(['-n', mine, 'create', 'rolebinding', 'chaos', '--role=chaos', '--user=alice']);
    const kill = (namespaces: readonly string[]) =>
      chaos('PodChaos', 'kill', mine, {
        action: 'pod-kill',
        mode: 'one',
        selector: { namespaces, labelSelectors: { app: 'nobody' } },
      });
    const asAlice = (document: object) => kubectl(['--as=alice', 'create', '-f', '-'], document).catch(messageOf);
    expect(await asAlice(kill([theirs]))).toContain(`alice is forbidden on namespace ${theirs}`);
    expect(await asAlice(kill([mine]))).toContain('created');
    // Nor may she write what the operator has written down for itself.
    const forged = ['--type=merge', '-p', JSON.stringify({ status: { zashiki: { injections: {} } } })];
    const patch = ['--as=alice', '-n', mine, 'patch', 'podchaos', 'kill', '--subresource=status', ...forged];
    expect(await kubectl(patch).catch(messageOf)).toMatch(/forbidden/i);
    await remove(mine, 'podchaos/kill', 60);
  });

  test('the leader is killed in the middle: the other replica goes on, and takes all of it off', {
    timeout: 8 * minutes,
  }, async () => {
    const { ns } = await shop(4);
    await apply(fail(ns));
    // What is written down before anything is on may be too short a moment to be seen.
    await eventually(async () =>
      /"phase": "(intent|on)"/.test(await kubectl(['-n', ns, 'get', 'podchaos', 'fail', '-o', 'json'])),
    );
    await signalLeader('SIGKILL');
    await waitFor(ns, 'podchaos/fail', 'AllInjected');
    await remove(ns, 'podchaos/fail');
    expect(new Set((await imagesOf(ns)).split(' '))).toEqual(new Set(['zashiki-lab/echo:1']));
  });

  test('nobody answers for the webhook: what is there can still be paused and deleted', {
    timeout: 6 * minutes,
  }, async () => {
    const { ns } = await shop();
    await apply(fail(ns));
    await waitFor(ns, 'podchaos/fail', 'AllInjected');
    await kubectl(['-n', own, 'scale', 'deploy/zashiki-operator', '--replicas=0']);
    const label = 'app.kubernetes.io/component=operator';
    await eventually(async () => (await kubectl(['-n', own, 'get', 'pods', '-l', label, '-o', 'name'])) === '');
    await kubectl(['-n', ns, 'annotate', 'podchaos', 'fail', 'experiment.chaos-mesh.org/pause=true']);
    await kubectl(['-n', ns, 'delete', 'podchaos', 'fail', '--wait=false']);
    await kubectl(['-n', own, 'scale', 'deploy/zashiki-operator', '--replicas=2']);
    await eventually(async () => (await kubectl(['-n', ns, 'get', 'podchaos', '-o', 'name'])) === '');
    expect(await imagesOf(ns)).toBe('zashiki-lab/echo:1');
    // Others are asked again about what is new.
    await kubectl(['-n', own, 'rollout', 'status', 'deploy/zashiki-operator', '--timeout=120s']);
  });

  test('uninstall recovers first, and leaves nothing', { timeout: 6 * minutes }, async () => {
    // Again, where this is not its first try.
    await install();
    const { ns } = await shop();
    await apply(fail(ns));
    await waitFor(ns, 'podchaos/fail', 'AllInjected');
    await zashiki('uninstall', 'kubernetes', '--image', ourImage());
    expect(await imagesOf(ns)).toBe('zashiki-lab/echo:1');
    expect(await kubectl(['get', 'crd', '-o', 'name'])).not.toContain('chaos-mesh.org');
    const kinds = 'clusterrole,validatingwebhookconfigurations';
    expect(await kubectl(['get', kinds, '-l', 'app.kubernetes.io/name=zashiki', '-o', 'name'])).toBe('');
  });
});
