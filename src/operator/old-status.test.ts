import { describe, expect, test } from 'vitest';
import { type OldRounds, oldStatus } from './old-status.ts';
import type { Resource } from './resource.ts';

const at = (seconds: number) => Date.UTC(2020, 0, 15, 10, 0, seconds);
const iso = (seconds: number) => new Date(at(seconds)).toISOString().replace('.000Z', 'Z');

const resource = (spec: object, created = 0, status: object = {}): Resource => ({
  apiVersion: 'chaos-mesh.org/v1alpha1',
  kind: 'PodChaos',
  metadata: { name: 'it', namespace: 'chaos', uid: 'u', resourceVersion: '1', creationTimestamp: iso(created) },
  spec: spec as Record<string, unknown>,
  status: status as NonNullable<Resource['status']>,
});

const record = (id: string, message?: string) => ({
  ...{ id, selectorKey: '.', phase: 'Injected', injectedCount: 1, recoveredCount: 0 },
  events: [{ type: 'Succeeded', operation: 'Apply', timestamp: iso(0), ...(message ? { message } : {}) }],
});
const round = (created: number, zashiki: object = {}) =>
  resource({ action: 'pod-failure' }, created, {
    zashiki,
    experiment: { containerRecords: [record('shop/web-0'), record('shop/web-1')] },
  });
const ask = (more: Partial<OldRounds> = {}) =>
  oldStatus({
    resource: resource({ action: 'pod-failure', duration: '30s', scheduler: { cron: '@every 1m' } }),
    ...{ children: [], active: [], isPaused: false, nextStart: at(60) },
    ...more,
  });

describe('CM-11 the status of v0.9 to v1.x', () => {
  test('before the first round it waits', () => {
    expect(ask()).toEqual({
      scheduler: { nextStart: iso(60) },
      experiment: { phase: 'Waiting', duration: '30s', podRecords: [] },
    });
  });

  test('a round that is on: since when, and when it is over', () => {
    const on = round(2, { begun: at(3) });
    expect(ask({ children: [round(-58), on], active: [on] })).toEqual({
      scheduler: { nextStart: iso(60), nextRecover: iso(33) },
      experiment: {
        ...{ phase: 'Running', startTime: iso(3), duration: '30s' },
        podRecords: [
          { namespace: 'shop', name: 'web-0', action: 'pod-failure', message: '' },
          { namespace: 'shop', name: 'web-1', action: 'pod-failure', message: '' },
        ],
      },
    });
  });

  test('between two rounds: when the last one ended', () => {
    const past = round(2, { begun: at(3), offSince: at(33) });
    expect(ask({ children: [past] })).toMatchObject({
      scheduler: { nextStart: iso(60) },
      experiment: { phase: 'Waiting', startTime: iso(3), endTime: iso(33) },
    });
  });

  test.each<[string, Partial<OldRounds>]>([
    ['Paused', { isPaused: true, nextStart: undefined }],
    ['Failed', { problem: 'spec.action: no such action', nextStart: undefined }],
  ])('%s', (phase, more) => {
    const { scheduler, experiment } = ask(more);
    expect(scheduler).toEqual({});
    expect(experiment.phase).toBe(phase);
    expect(experiment.reason).toBe(more.problem);
  });
});
