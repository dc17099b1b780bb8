import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Built, builtModules } from '../../test/fixtures/built.ts';
import { apply, eventually, kubectl, namespace, unable } from '../../test/fixtures/kubernetes.ts';
import { deployment, find, look, ready, staged, targetOf } from '../../test/fixtures/kubernetes-target.ts';
import platform from '../platforms/kubernetes/platform.ts';
import { type Specimen, testFault } from './contract.ts';
import nodeCordon from './node-cordon.ts';
import nodeDrain from './node-drain.ts';

let built: Built;
beforeAll(async () => {
  built = await builtModules();
});
afterAll(() => built?.remove());

const n2 = () => targetOf({ kind: 'node', nodes: 'n2' });
const nodeNow = async () => {
  const { metadata, spec } = await look('/api/v1/nodes/n2');
  return {
    unschedulable: spec.unschedulable ?? false,
    mark: metadata.annotations?.['zashiki.dev/cordoned-by'] ?? null,
  };
};

describe.skipIf(unable)('node-cordon', () => {
  const specimen = async (): Promise<Specimen> => ({
    target: await n2(),
    params: {},
    snapshot: nodeNow,
    end: async () => void (await kubectl(['uncordon', 'n2'])),
  });
  const modules = {
    get fault() {
      return built.modulesOf('node-cordon', 'kubernetes').fault;
    },
    get platform() {
      return built.modulesOf('node-cordon', 'kubernetes').platform;
    },
  };
  testFault(nodeCordon, { test, platform, specimen, kills: 1, modules });

  test('one that was cordoned before stays so', async () => {
    await kubectl(['cordon', 'n2']);
    try {
      const { plan, inject, recover, verify } = await staged(nodeCordon, await n2());
      const undo = await plan();
      await inject(undo);
      await recover(undo);
      expect(await verify(undo)).toEqual({ yes: true, detail: 'cordoned, as before' });
      expect(await nodeNow()).toEqual({ unschedulable: true, mark: null });
    } finally {
      await kubectl(['uncordon', 'n2']);
    }
  });

  test('what somebody has uncordoned and cordoned again is theirs', async () => {
    const { plan, inject, recover, verify } = await staged(nodeCordon, await n2());
    const undo = await plan();
    try {
      await inject(undo);
      await kubectl(['annotate', 'node', 'n2', 'zashiki.dev/cordoned-by-']);
      await recover(undo);
      expect(await verify(undo)).toEqual({ yes: true, detail: 'cordoned, but by somebody else' });
    } finally {
      await kubectl(['uncordon', 'n2']);
    }
  });
});

describe.skipIf(unable)('node-drain', () => {
  test('what may go goes elsewhere, what a budget keeps stays, and pods come back to the node', async () => {
    const within = await namespace();
    const free = await deployment(within, 2, { node: 'n2' });
    const kept = await deployment(within, 1, { node: 'n2' });
    const selector = { matchLabels: { app: kept } };
    const metadata = { name: 'keep-one', namespace: within };
    await apply({
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata,
      spec: { selector, minAvailable: 1 },
    });
    const budget = `/apis/policy/v1/namespaces/${within}/poddisruptionbudgets/keep-one`;
    await eventually(async () => (await look(budget)).status?.currentHealthy === 1);
    const before = await find({ namespaces: within, labels: { app: free } });
    const staying = await targetOf({ namespaces: within, labels: { app: kept } });
    const { plan, inject, observe, recover, verify } = await staged(nodeDrain, await n2(), {
      grace: '1s',
      retryFor: '3s',
    });
    const undo = await plan();
    try {
      await inject(undo);
      const seen = await observe(undo);
      expect(seen).toMatchObject({ yes: true, detail: expect.stringContaining('refused by a PodDisruptionBudget') });
      for (const { name } of before) expect(seen.detail).toContain(`${within}/${name}`);
      expect(await Promise.all(before.map((target) => platform.check(target)))).toEqual(['gone', 'gone']);
      expect(await platform.check(staying)).toBe('same');
    } finally {
      await recover(undo);
    }
    expect(await verify(undo)).toMatchObject({ yes: true, detail: expect.stringContaining('evicted for good') });
    expect(await nodeNow()).toEqual({ unschedulable: false, mark: null });
    await ready(within, free);
  });

  test('a pod that nobody would make again stays, unless asked', async () => {
    const within = await namespace();
    const { pod } = await import('../../test/fixtures/kubernetes.ts');
    await pod(within, { name: 'alone', node: 'n2' });
    const target = await targetOf({ pods: { [within]: 'alone' } });
    for (const unmanaged of [false, true]) {
      const { plan, inject, observe, recover } = await staged(nodeDrain, await n2(), {
        grace: '1s',
        retryFor: '1s',
        unmanaged,
      });
      const undo = await plan();
      try {
        await inject(undo);
        await observe(undo);
        expect(await platform.check(target)).toBe(unmanaged ? 'gone' : 'same');
      } finally {
        await recover(undo);
      }
    }
  });
});
