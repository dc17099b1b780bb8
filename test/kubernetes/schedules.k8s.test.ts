import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { apply, cluster, eventually, kubectl, namespace, podTemplate, unable } from '../fixtures/kubernetes.ts';
import {
  chaos,
  conditionOf,
  install,
  operatorCalls,
  operatorMemory,
  remove,
  shop,
  tally,
  uninstall,
  waitFor,
  web,
} from '../fixtures/kubernetes-operator.ts';

const count = 200;

interface Round {
  readonly metadata: { readonly name: string; readonly labels: Readonly<Record<string, string>> };
  readonly status?: { readonly conditions?: readonly { type: string; status: string }[] };
}

describe.skipIf(unable)('two hundred Schedules at a time', () => {
  beforeAll(() => install());
  afterAll(async () => void (await uninstall()));

  test('all make their rounds, each round hits, and an experiment beside them is not kept waiting', async () => {
    const ns = await namespace();
    const small = await shop();
    const simulated = await (await cluster()).simulate({ nodes: 4, namespace: ns });
    onTestFinished(() => simulated.remove());
    const { metadata, spec } = podTemplate({ labels: { app: 'crowd' } });
    await apply({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'crowd', namespace: ns },
      spec: {
        replicas: count,
        selector: { matchLabels: { app: 'crowd' } },
        template: {
          metadata,
          spec: {
            ...spec,
            nodeSelector: { 'zashiki.dev/simulated': simulated.label },
            tolerations: [{ operator: 'Exists' }],
          },
        },
      },
    });
    await kubectl(['-n', ns, 'rollout', 'status', 'deploy/crowd', '--timeout=120s']);
    const before = await operatorMemory();
    const from = Date.now();
    const crowd = { labelSelectors: { app: 'crowd' } };
    const schedules = Array.from({ length: count }, (_, index) =>
      chaos('Schedule', `s${index}`, ns, {
        schedule: '@every 20s',
        type: 'PodChaos',
        historyLimit: 1,
        podChaos: { action: 'pod-kill', mode: 'one', selector: crowd },
      }),
    );
    await apply(...schedules);
    await apply(chaos('PodChaos', 'fail', small.ns, { action: 'pod-failure', mode: 'all', selector: web }));

    const rounds = new Map<string, Set<string>>();
    const hits = new Set<string>();
    const watch = async () => {
      const { items } = JSON.parse(await kubectl(['-n', ns, 'get', 'podchaos', '-o', 'json'])) as { items: Round[] };
      for (const round of items) {
        const { name, labels } = round.metadata;
        const schedule = labels['managed-by'] as string;
        rounds.set(schedule, (rounds.get(schedule) ?? new Set()).add(name));
        if (conditionOf(round, 'AllInjected')?.status === 'True') hits.add(name);
      }
    };
    const all = (enough: (names: readonly string[]) => boolean) =>
      [...rounds.values()].filter((names) => enough([...names])).length === count;
    await eventually(async () => {
      await watch();
      return all((names) => names.some((name) => hits.has(name)));
    });
    const first = await operatorMemory();
    await waitFor(small.ns, 'podchaos/fail', 'AllInjected', 1);
    expect(await small.answers()).toBe(false);
    await eventually(async () => {
      await watch();
      return all((names) => names.filter((name) => hits.has(name)).length >= 3);
    }, 200);
    const after = await operatorMemory();
    const calls = await operatorCalls(from);
    const most = Math.max(...[...rounds.values()].map((names) => names.size));
    const least = Math.min(...[...rounds.values()].map((names) => names.size));
    console.log(
      [
        `${count} Schedules: ${least} to ${most} rounds each in ${((Date.now() - from) / 1000).toFixed(0)} s`,
        `memory of the operator ${before.now} MiB before, ${first.now} MiB after a round, ${after.now} MiB after three, ${after.most} MiB at most`,
        `${calls.length} calls: ${tally(calls)}`,
      ].join('\n'),
    );
    // Nobody is ahead of others by more than what is being seen right now.
    expect(most - least).toBeLessThanOrEqual(2);
    expect(after.now, 'MiB').toBeLessThan(first.now + 64);
    // Its container may have 512.
    expect(after.most).toBeLessThan(384);
    await remove(small.ns, 'podchaos/fail');
    await kubectl(['-n', ns, 'delete', 'schedules.chaos-mesh.org', '--all', '--timeout=150s']);
    await eventually(async () => (await kubectl(['-n', ns, 'get', 'podchaos', '-o', 'name'])) === '');
  });
});
