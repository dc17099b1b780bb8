import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { isFinished } from '../../src/operator/finished.ts';
import type { Resource } from '../../src/operator/resource.ts';
import { roundName } from '../../src/operator/rounds.ts';
import { apply, cluster, eventually, kubectl, namespace, unable } from '../fixtures/kubernetes.ts';
import {
  chaos,
  install,
  killLeader,
  nextLeader,
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

const many = 200;
const minute = 60_000;
const schedules = 'schedules.chaos-mesh.org';

/** As many pods as there are schedules, on simulated nodes, each with a name that stays. */
async function simulatedPods(ns: string): Promise<void> {
  const { simulate } = await cluster();
  const { label, remove } = await simulate({ nodes: 2 });
  onTestFinished(() => remove());
  const labels = { app: 'web' };
  const spec = {
    nodeSelector: { 'zashiki.dev/simulated': label },
    tolerations: [{ operator: 'Exists' }],
    containers: [{ name: 'main', image: 'zashiki-lab/busybox:1' }],
  };
  await apply({
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name: 'web', namespace: ns },
    spec: {
      replicas: many,
      serviceName: 'web',
      podManagementPolicy: 'Parallel',
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec },
    },
  });
  await kubectl(['-n', ns, 'rollout', 'status', 'statefulset/web', '--timeout=240s']);
}

/** A schedule that kills one pod of its own every full minute. */
const everyMinute = (ns: string, index: number) =>
  chaos('Schedule', `kill-${index}`, ns, {
    schedule: '* * * * *',
    concurrencyPolicy: 'Forbid',
    historyLimit: 10,
    type: 'PodChaos',
    podChaos: { action: 'pod-kill', mode: 'all', selector: { pods: { [ns]: [`web-${index}`] } } },
  });

const list = async (ns: string, what: string): Promise<readonly Resource[]> =>
  JSON.parse(await kubectl(['-n', ns, 'get', what, '-o', 'json'])).items;

describe.skipIf(unable)(`${many} schedules that are due at the same time`, () => {
  beforeAll(() => install());
  afterAll(async () => void (await uninstall()));

  test('each due time makes one round of each, also when the leader is killed among them; nothing stays of them', {
    timeout: 900_000,
  }, async () => {
    const ns = await namespace();
    const small = await shop();
    await simulatedPods(ns);
    const from = Date.now();
    await apply(...Array.from({ length: many }, (_, index) => everyMinute(ns, index)));
    const all = await list(ns, schedules);
    expect(all).toHaveLength(many);
    // The first minute that all of them have before them.
    const first = Math.ceil(
      (Math.max(...all.map(({ metadata }) => Date.parse(metadata.creationTimestamp))) + 1) / minute,
    );
    const roundsAt = (due: number) =>
      new Set(all.map(({ metadata: { name, uid } }) => `${name}-${roundName(uid, due * minute)}`));
    const begun = async (due: number) => {
      const names = roundsAt(due);
      return (await list(ns, 'podchaos')).filter(({ metadata }) => names.has(metadata.name));
    };
    // A look at all of them is work for the API server, too.
    const finished = (due: number) =>
      eventually(
        async () => {
          const rounds = (await begun(due)).filter(isFinished);
          return rounds.length === many ? rounds : false;
        },
        240,
        3000,
      );

    const ends = [await finished(first)];

    await eventually(async () => (await begun(first + 1)).length > 0);
    const killed = await killLeader();
    expect((await begun(first + 1)).length, 'it was killed among them').toBeLessThan(many);
    await nextLeader(killed);
    await apply(chaos('NetworkChaos', 'cut', small.ns, { action: 'partition', mode: 'all', selector: web }));
    await waitFor(small.ns, 'networkchaos/cut', 'AllInjected');
    expect(await small.answers()).toBe(false);
    await remove(small.ns, 'networkchaos/cut');
    expect(await small.answers()).toBe(true);
    ends.push(await finished(first + 1));

    const hits = ends.flat().map((round) => recordsOf(round as never).map(({ injectedCount }) => injectedCount));
    expect(hits).toEqual(Array.from({ length: 2 * many }, () => [1]));
    // There is no round but those of full minutes.
    const now = Math.floor(Date.now() / minute);
    const due = new Set(Array.from({ length: now - first + 3 }, (_, index) => [...roundsAt(first - 1 + index)]).flat());
    const names = (await list(ns, 'podchaos')).map(({ metadata }) => metadata.name);
    expect(names.filter((name) => !due.has(name))).toEqual([]);
    const reasons = await kubectl(['-n', ns, 'get', 'events', '-o', 'jsonpath={.items[*].reason}']);
    expect(reasons).not.toContain('MissSchedule');

    const calls = await operatorCalls(from);
    expect(calls.filter(({ responseStatus }) => responseStatus?.code === 429)).toEqual([]);
    console.log(`calls for each round: ${(calls.length / names.length).toFixed(1)}; ${tally(calls)}`);
    await kubectl(['-n', ns, 'delete', schedules, '--all', '--timeout=150s']);
    await eventually(async () => (await list(ns, 'podchaos')).length === 0);
    const { now: memory, most } = await operatorMemory();
    console.log(`memory of the operator: ${memory} MiB, never more than ${most} MiB`);
  });
});
