import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { apply, eventually, kubectl, unable } from '../../test/fixtures/kubernetes.ts';
import {
  chaos,
  experiment,
  imagesOf,
  install,
  look,
  pauseImage,
  remove,
  shop,
  signalLeader,
  uninstall,
  waitFor,
} from '../../test/fixtures/kubernetes-operator.ts';

const minutes = 60_000;
const failure = {
  fault: 'pod-failure',
  target: { kubernetes: { labels: { app: 'web' } } },
  params: { pauseImage },
};

/** Names of something with this label or field, that is there now. */
const named = async (ns: string, kind: string, ...which: readonly string[]) =>
  (await kubectl(['-n', ns, 'get', kind, ...which, '-o', 'name'])).split('\n').filter(Boolean);

describe.skipIf(unable)('runs of an operator in a real cluster', () => {
  beforeAll(() => install());
  afterAll(async () => void (await uninstall()));

  test('an Experiment is run to its verdict; a Workflow to its end; a Schedule makes rounds', {
    timeout: 8 * minutes,
  }, async () => {
    const { ns, ip } = await shop(2);
    await apply(
      experiment('survives', ns, {
        steadyStateHypothesis: [
          {
            name: 'it answers',
            probe: { tcp: { host: ip, port: 8080 } },
            tolerance: { connects: true },
            every: '1s',
            recoversWithin: '2m',
          },
        ],
        method: [{ ...failure, mode: 'one', duration: '5s' }],
      }),
      chaos('Workflow', 'flow', ns, {
        entry: 'all',
        templates: [
          { name: 'all', templateType: 'Serial', children: ['rest', 'say'] },
          { name: 'rest', templateType: 'Suspend', deadline: '2s' },
          {
            name: 'say',
            templateType: 'Task',
            task: { container: { name: 'main', image: 'zashiki-lab/busybox:1', command: ['echo', 'hello'] } },
          },
        ],
      }),
      chaos('Schedule', 'often', ns, {
        schedule: '@every 10s',
        type: 'PodChaos',
        historyLimit: 1,
        podChaos: { action: 'pod-kill', mode: 'one', selector: { labelSelectors: { app: 'nobody' } } },
      }),
    );
    await waitFor(ns, 'workflow/flow', 'Accomplished');
    await waitFor(ns, 'experiment/survives', 'Finished', 240);
    const { zashiki: verdict } = (await look(ns, 'experiment/survives')).status;
    expect(['held', 'deviated'], JSON.stringify(verdict)).toContain(verdict.outcome);
    expect(verdict.injections).toEqual({});
    expect(new Set((await imagesOf(ns)).split(' '))).toEqual(new Set(['zashiki-lab/echo:1']));
    await eventually(async () =>
      (await named(ns, 'podchaos', '-l', 'managed-by=often')).some((name) => name.includes('often-')),
    );
    await remove(ns, 'schedules.chaos-mesh.org/often');
  });

  test('an Experiment whose operator is killed: what was on is recovered, and it says so', {
    timeout: 8 * minutes,
  }, async () => {
    const { ns } = await shop();
    await apply(experiment('long', ns, { method: [{ ...failure, mode: 'all', duration: '10m' }] }));
    await eventually(async () => (await imagesOf(ns)) === pauseImage);
    await signalLeader('SIGKILL');
    await waitFor(ns, 'experiment/long', 'Finished');
    const { zashiki: verdict } = (await look(ns, 'experiment/long')).status;
    expect(verdict.outcome).toBe('interrupted');
    expect(await imagesOf(ns)).toBe('zashiki-lab/echo:1');
  });

  test('CM-07 a document of v1.x, with its scheduler: rounds begin at once, and again', {
    timeout: 6 * minutes,
  }, async () => {
    const { ns } = await shop();
    const spec = {
      action: 'pod-kill',
      mode: 'one',
      selector: { namespaces: [ns], labelSelectors: { app: 'web' } },
      scheduler: { cron: '@every 15s' },
    };
    await apply(chaos('PodChaos', 'old', ns, spec));
    const rounds = () => named(ns, 'podchaos', '-l', 'managed-by=old');
    await eventually(async () => (await rounds()).length >= 1);
    await eventually(async () => (await named(ns, 'events', '--field-selector', 'reason=Spawned')).length >= 2);
    const round = (await rounds())[0] as string;
    await waitFor(ns, round, 'AllInjected');
    await remove(ns, 'podchaos/old', 60);
    await eventually(async () => (await rounds()).length === 0);
  });
});
