import { expect, test } from 'vitest';
import type { Plan } from '../core/model.ts';
import { planHash } from '../core/plan.ts';
import { readPlan } from './plan.ts';
import { parseExperiment } from './read.ts';

const document = {
  apiVersion: 'zashiki.dev/v1',
  kind: 'Experiment',
  metadata: { name: 'demo', labels: { team: 'shop' } },
  spec: {
    seed: 3,
    steadyStateHypothesis: [
      { name: 'up', probe: { tcp: { port: 22 } }, during: { atLeast: '90%' } },
      { name: 'there', probe: { process: { name: 'x' } }, tolerance: { count: 1 } },
    ],
    method: [
      { fault: 'process-kill', target: { host: { name: 'x' } }, when: { probe: { tcp: { port: 22 } } } },
      { fault: 'process-pause', target: { host: { name: 'x' } }, mode: 'all', duration: '1s', reselect: true },
      { parallel: [{ serial: [{ pause: '1s', name: 'wait' }] }] },
    ],
    guards: { blastRadius: '50%', window: { days: 'Mon' }, protect: ['a'], budget: { injections: 1, per: '1h' } },
    rollbacks: [{ exec: { command: ['true'] } }],
    stopWhen: [{ probe: { tcp: { port: 22 } } }],
  },
};

async function plan(change: (plan: Plan) => Plan = (same) => same): Promise<Plan> {
  const made = {
    apiVersion: 'zashiki.dev/v1',
    kind: 'Plan',
    experiment: await parseExperiment(document),
    seed: 3,
    steps: [
      {
        path: 'method[0]',
        fault: 'process-kill',
        candidates: 2,
        victims: [{ platform: 'host', id: 'pid:7', name: 'x', identity: { pid: 7, startTime: '1', bootId: 'b' } }],
        spared: [{ reason: 'pid 1', count: 1 }],
        resolve: 'plan',
        how: 'netem on ifb',
      },
    ],
  } as const;
  return change({ ...made, hash: planHash(made) });
}

test('a plan comes back as it was written', async () => {
  const made = await plan();
  expect(readPlan(JSON.stringify(made, null, 2), 'plan.json')).toEqual(JSON.parse(JSON.stringify(made)));
});

test('every single change is found', async () => {
  const text = JSON.stringify(await plan());
  for (const [from, to] of [
    ['"pid":7', '"pid":8'],
    ['"seed":3', '"seed":4'],
    ['pid:7', 'pid:8'],
    ['"percent":50', '"percent":90'],
  ] as const) {
    expect(text).toContain(from);
    expect(() => readPlan(text.replace(from, to), 'plan.json')).toThrow(/plan\.json: the plan was changed/);
  }
});

test.each([
  ['{', /plan\.json: not JSON/],
  ['[]', /not a plan of this version/],
  ['null', /not a plan of this version/],
  [JSON.stringify(document), /this is an experiment: use zashiki run/],
  ['{"apiVersion":"zashiki.dev/v2","kind":"Plan"}', /apiVersion: must be zashiki.dev\/v1; not "zashiki.dev\/v2"/],
])('%s', (text, message) => {
  expect(() => readPlan(text, 'plan.json')).toThrow(message);
  expect(() => readPlan(text, 'plan.json')).toThrow(expect.objectContaining({ code: 'plan-invalid' }));
});

test('an unknown step is named by its place', async () => {
  const broken = await plan((made) => JSON.parse(JSON.stringify(made).replace('"kind":"pause"', '"kind":"paus"')));
  expect(() => readPlan(JSON.stringify(broken), 'p')).toThrow(/experiment\.spec\.method\[2\]/);
});
