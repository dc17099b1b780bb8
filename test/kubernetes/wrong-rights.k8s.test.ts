import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { kubectl, namespace, unable } from '../fixtures/kubernetes.ts';
import { install, uninstall } from '../fixtures/kubernetes-operator.ts';

/** One document of every kind that hits pods of a namespace. */
function documents(at: string, target: string): readonly object[] {
  const selector = { namespaces: [target], labelSelectors: { app: 'web' } };
  const one = { mode: 'one', selector };
  const kill = { action: 'pod-kill', ...one };
  const chaos = (kind: string, spec: object) => ({
    apiVersion: 'chaos-mesh.org/v1alpha1',
    kind,
    metadata: { name: 'there', namespace: at },
    spec,
  });
  const method = [
    { fault: 'pod-kill', target: { kubernetes: { namespaces: target, labels: { app: 'web' } } }, mode: 'one' },
  ];
  const own = (kind: string, spec: object) => ({ ...chaos(kind, spec), apiVersion: 'zashiki.dev/v1' });
  return [
    chaos('PodChaos', kill),
    chaos('NetworkChaos', { action: 'delay', ...one, delay: { latency: '10ms' } }),
    chaos('StressChaos', { ...one, stressors: { cpu: { workers: 1 } } }),
    chaos('Schedule', { schedule: '@daily', type: 'PodChaos', podChaos: kill }),
    chaos('Workflow', { entry: 'a', templates: [{ name: 'a', templateType: 'PodChaos', podChaos: kill }] }),
    own('Experiment', { method }),
    own('Schedule', { schedule: { cron: '0 4 * * *' }, experiment: { method } }),
  ];
}

describe.skipIf(unable)('whoever may not make chaos in a namespace', () => {
  beforeAll(() => install());
  afterAll(async () => void (await uninstall()));

  test('cannot have it made there by any kind of document of their own, and can in their own', async () => {
    const [mine, theirs] = [await namespace(), await namespace()];
    const all = ['podchaos', 'networkchaos', 'stresschaos', 'schedules', 'workflows'].map(
      (each) => `${each}.chaos-mesh.org`,
    );
    const resources = [...all, 'experiments.zashiki.dev', 'schedules.zashiki.dev', 'pods'];
    const verbs = '--verb=create,get,list,patch,delete';
    await kubectl(['-n', mine, 'create', 'role', 'chaos', verbs, ...resources.map((each) => `--resource=${each}`)]);
    await kubectl(['-n', mine, 'create', 'rolebinding', 'chaos', '--role=chaos', '--user=bob']);
    const asBob = (document: object) =>
      kubectl(['--as=bob', 'create', '--dry-run=server', '-f', '-'], document).catch((error: Error) => error.message);
    for (const document of documents(mine, theirs)) {
      const { apiVersion, kind } = document as { apiVersion: string; kind: string };
      expect(await asBob(document), `${apiVersion} ${kind}`).toContain(`bob is forbidden on namespace ${theirs}`);
    }
    for (const document of documents(mine, mine)) {
      const { apiVersion, kind } = document as { apiVersion: string; kind: string };
      expect(await asBob(document), `${apiVersion} ${kind}`).toMatch(/created/);
    }
  });
});
