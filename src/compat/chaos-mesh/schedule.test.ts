import { expect, test } from 'vitest';
import type { ChaosSchedule } from './document.ts';
import { leastGap } from './kinds/legacy-rules.ts';
import { readChaos } from './read.ts';
import { childOf, firesAtOnce, toSchedule } from './schedule.ts';

const head = {
  apiVersion: 'chaos-mesh.org/v1alpha1',
  metadata: { name: 'often', namespace: 'chaos', labels: { team: 'red' } },
};
const kill = { action: 'pod-kill', mode: 'one', selector: { namespaces: ['shop'] } };

function schedule(document: object): ChaosSchedule {
  const read = readChaos({ ...head, ...document });
  expect(read.findings ?? []).toEqual([]);
  const [first] = read.findings ? [] : read.documents;
  if (first?.kind !== 'Schedule') throw new Error('not a schedule');
  return first;
}

test('a Schedule of v2 is one of ours', () => {
  const spec = {
    schedule: '@every 1m',
    type: 'PodChaos',
    podChaos: kill,
    startingDeadlineSeconds: 30,
    concurrencyPolicy: 'Allow',
  };
  expect(toSchedule(schedule({ kind: 'Schedule', spec }))).toEqual({
    apiVersion: 'zashiki.dev/v1',
    kind: 'Schedule',
    metadata: { name: 'often', labels: { team: 'red' } },
    spec: {
      schedule: { cron: '@every 1m' },
      concurrencyPolicy: 'Allow',
      missedRuns: 'once',
      startingDeadline: 30_000,
      historyLimit: 10,
      suspend: false,
      sealed: false,
      experiment: {
        ...{ steadyStateHypothesis: [], rollbacks: [], guards: {}, stopWhen: [] },
        method: [
          {
            ...{ kind: 'fault', fault: 'pod-kill', mode: 'one', params: { grace: '0s' }, resolve: 'step' },
            target: { platform: 'kubernetes', selector: { namespaces: ['shop'] } },
          },
        ],
      },
    },
  });
});

test('CM-07 scheduler.cron is a Schedule; with @every its first round begins at once', () => {
  const every = schedule({ kind: 'PodChaos', spec: { ...kill, scheduler: { cron: '@every 1m' } } });
  expect(firesAtOnce(every)).toBe(true);
  expect(every.spec).toMatchObject({
    schedule: '@every 1m',
    type: 'PodChaos',
    concurrencyPolicy: 'Forbid',
    historyLimit: 10,
  });
  const daily = schedule({ kind: 'PodChaos', spec: { ...kill, scheduler: { cron: '@daily' } } });
  expect(firesAtOnce(daily)).toBe(false);
});

test('the names of containers stand inside the block, not on the Schedule', () => {
  const spec = {
    ...kill,
    action: 'container-kill',
    containerName: 'app',
    duration: '10s',
    scheduler: { cron: '@every 1m' },
  };
  const { spec: made } = schedule({ kind: 'PodChaos', spec });
  expect(made).not.toHaveProperty('containerNames');
  expect(made).not.toHaveProperty('duration');
  expect((made as { podChaos?: unknown }).podChaos).toEqual({
    action: 'container-kill',
    mode: 'one',
    containerNames: ['app'],
    selector: kill.selector,
  });
  expect(childOf(schedule({ kind: 'PodChaos', spec }), 'often-x7k2p')).toMatchObject({
    kind: 'PodChaos',
    metadata: { name: 'often-x7k2p', namespace: 'chaos' },
  });
});

test('CM-08 what lasts keeps its duration, inside the block', () => {
  const spec = { ...kill, action: 'pod-failure', duration: '10s', scheduler: { cron: '*/5 * * * *' }, paused: true };
  const made = schedule({ kind: 'PodChaos', spec });
  expect(made.spec).toMatchObject({ podChaos: { duration: '10s' } });
  expect(toSchedule(made).spec).toMatchObject({ suspend: true, experiment: { method: [{ duration: 10_000 }] } });
});

test('a Workflow again and again is no experiment', () => {
  const workflow = { entry: 'a', templates: [{ name: 'a', templateType: 'Suspend', deadline: '1s' }] };
  const made = schedule({ kind: 'Schedule', spec: { schedule: '@daily', type: 'Workflow', workflow } });
  expect(() => toSchedule(made)).toThrow(/is for the operator/);
  expect(childOf(made)).toMatchObject({ kind: 'Workflow', spec: workflow });
});

test.each([
  ['@every 90s', 90_000],
  ['0 9 * * *', 86_400_000],
  ['58,59 * * * *', 60_000],
  ['0 9,17 * * 1-5', 8 * 3_600_000],
  ['0 0 1 * *', 28 * 86_400_000],
  ['0 0 31 12 *', undefined],
])('CM-10 the least gap of %s within a year', (cron, expected) => {
  const gap = leastGap(cron, Date.UTC(2023, 0, 1));
  expect(gap).toBe(expected);
});
