import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { kubectl, namespace, unable } from '../fixtures/kubernetes.ts';
import { install, uninstall } from '../fixtures/kubernetes-operator.ts';

type Malformed = readonly [what: string, spec: object, where: RegExp, fix: RegExp];

const one = { mode: 'one', selector: { labelSelectors: { app: 'web' } } };
const kill = { action: 'pod-kill', ...one };
const delay = { action: 'delay', ...one, delay: { latency: '10ms' } };
const io = { action: 'latency', ...one, volumePath: '/data', delay: '10ms' };
const http = { ...one, target: 'Request', port: 80, abort: true };
const statusCheck = { type: 'HTTP', http: { url: 'http://web/', criteria: { statusCode: '200' } } };
const suspended = { name: 'a', templateType: 'Suspend', deadline: '1s' };
const own = { method: [{ fault: 'pod-kill', target: { kubernetes: { labels: { app: 'web' } } } }] };

/** Of every kind: what is wrong, the place that is told, and what it says to do. */
const malformed: Readonly<Record<string, readonly Malformed[]>> = {
  PodChaos: [
    ['an action that is not one', { ...kill, action: 'pod-explode' }, /spec\.action/, /pod-kill.*pod-failure/s],
    ['no mode', { ...kill, mode: undefined }, /spec\.mode/, /[Rr]equired/],
    ['a mode without its value', { ...kill, mode: 'fixed' }, /spec\.value/, /needs a value/],
    ['a count of pods that is none', { ...kill, mode: 'fixed', value: 'many' }, /spec\.value/, /number|count/],
    ['a kill of no container', { ...kill, action: 'container-kill' }, /spec\.containerNames/, /name/],
    [
      'a field that is not one',
      { ...kill, gracePeriodSecond: 1 },
      /spec\.gracePeriodSecond/,
      /unknown field|gracePeriod/,
    ],
    [
      'a duration that is none',
      { ...kill, action: 'pod-failure', duration: 'a while' },
      /spec\.duration/,
      /should match .*h\|m\|s/,
    ],
  ],
  NetworkChaos: [
    ['an action without its part', { ...delay, delay: undefined }, /spec\.delay/, /delay/],
    ['a part of another action', { ...delay, loss: { loss: '10' } }, /spec\.loss/, /delay does not use it/],
    ['more than all', { action: 'loss', ...one, loss: { loss: '101' } }, /spec\.loss\.loss/, /100/],
    ['from, and no target', { ...delay, direction: 'from' }, /spec\.(direction|target)/, /target/],
    [
      'a rate that is none',
      { action: 'bandwidth', ...one, bandwidth: { rate: 'fast', limit: 2000, buffer: 2000 } },
      /spec\.bandwidth\.rate/,
      /should match .*\[bB\]\[iI\]\[tT\]/,
    ],
  ],
  StressChaos: [
    ['no stressor', { ...one }, /spec\.stressors/, /cpu or memory/],
    ['no worker', { ...one, stressors: { cpu: { workers: 0 } } }, /spec\.stressors\.cpu\.workers/, /1/],
    [
      'a load above all',
      { ...one, stressors: { cpu: { workers: 1, load: 101 } } },
      /spec\.stressors\.cpu\.load/,
      /100/,
    ],
    [
      'a size that is none',
      { ...one, stressors: { memory: { workers: 1, size: 'lots' } } },
      /spec\.stressors\.memory\.size/,
      /MB|%/,
    ],
  ],
  IOChaos: [
    ['no volume', { ...io, volumePath: undefined }, /spec\.volumePath/, /[Rr]equired/],
    ['an action that is not one', { ...io, action: 'slow' }, /spec\.action/, /latency.*fault/s],
    ['more than all', { ...io, percent: 101 }, /spec\.percent/, /100/],
  ],
  TimeChaos: [
    ['no offset', { ...one }, /spec\.timeOffset/, /[Rr]equired/],
    ['an offset that is none', { ...one, timeOffset: 'yesterday' }, /spec\.timeOffset/, /should match .*h\|m\|s/],
  ],
  DNSChaos: [
    ['an action that is not one', { ...one, action: 'slow' }, /spec\.action/, /error.*random/s],
    ['no pods', { action: 'error', mode: 'one' }, /spec\.selector/, /[Rr]equired/],
  ],
  HTTPChaos: [
    ['no port', { ...http, port: undefined }, /spec\.port/, /write the port/],
    ['a port that is none', { ...http, port: 70_000 }, /spec\.port/, /65535/],
    ['a target that is not one', { ...http, target: 'Both' }, /spec\.target/, /Request.*Response/s],
  ],
  Schedule: [
    [
      'a time that is none',
      { schedule: 'now and then', type: 'PodChaos', podChaos: kill },
      /spec\.schedule/,
      /five|fields|@every|@daily/i,
    ],
    ['a type without its part', { schedule: '@daily', type: 'PodChaos' }, /spec\.podChaos/, /podChaos/],
    [
      'a mistake inside',
      { schedule: '@daily', type: 'NetworkChaos', networkChaos: { ...delay, delay: undefined } },
      /spec\.networkChaos\.delay/,
      /delay/,
    ],
    [
      'a policy that is not one',
      { schedule: '@daily', type: 'PodChaos', podChaos: kill, concurrencyPolicy: 'Maybe' },
      /spec\.concurrencyPolicy/,
      /Allow.*Forbid|Forbid.*Allow/s,
    ],
  ],
  Workflow: [
    ['a beginning that is nowhere', { entry: 'b', templates: [suspended] }, /spec\.entry/, /template/],
    ['two of one name', { entry: 'a', templates: [suspended, suspended] }, /spec\.templates\[1\]/, /name/],
    [
      'a mistake inside',
      {
        entry: 'a',
        templates: [{ name: 'a', templateType: 'PodChaos', podChaos: { ...kill, action: 'container-kill' } }],
      },
      /spec\.templates\[0\]\.podChaos\.containerNames/,
      /name/,
    ],
  ],
  StatusCheck: [
    ['no address', { ...statusCheck, http: { criteria: { statusCode: '200' } } }, /spec\.http\.url/, /[Rr]equired/],
    [
      'a code that is none',
      { ...statusCheck, http: { url: 'http://web/', criteria: { statusCode: 'good' } } },
      /spec\.http\.criteria\.statusCode/,
      /200/,
    ],
  ],
  Experiment: [
    [
      'a fault that is not one',
      { method: [{ ...own.method[0], fault: 'pod-kil' }] },
      /spec\.method\[0\]\.fault/,
      /pod-kill/,
    ],
    [
      'a parameter that is not one',
      { method: [{ ...own.method[0], params: { gracee: '1s' } }] },
      /spec\.method\[0\]\.params/,
      /grace/,
    ],
    [
      'a target outside',
      { method: [{ fault: 'process-kill', target: { host: { command: 'x' } } }] },
      /spec\.method\[0\]\.target/,
      /kubernetes/,
    ],
    ['nothing to do', { method: 'none' }, /spec\.method/, /list|array/],
  ],
  'Schedule of zashiki.dev': [
    [
      'a time that is none',
      { schedule: { cron: 'now and then' }, experiment: own },
      /spec\.schedule\.cron/,
      /five|fields|@/i,
    ],
    ['nothing to do', { schedule: { cron: '0 4 * * *' } }, /spec\.experiment/, /[Rr]equired|experiment/],
  ],
};

const apiVersionOf = (kind: string) => (/Experiment|zashiki/.test(kind) ? 'zashiki.dev/v1' : 'chaos-mesh.org/v1alpha1');

describe.skipIf(unable)('what is malformed', () => {
  beforeAll(() => install());
  afterAll(async () => void (await uninstall()));

  test.each(Object.entries(malformed))('%s: each is refused with its place and what to do', async (kind, all) => {
    const ns = await namespace();
    for (const [what, spec, where, fix] of all) {
      const document = {
        apiVersion: apiVersionOf(kind),
        kind: kind.split(' ')[0],
        metadata: { name: 'bad', namespace: ns },
        spec,
      };
      const said = await kubectl(['apply', '-f', '-'], document).then(
        () => 'taken',
        (error: Error) => error.message,
      );
      expect(said, what).toMatch(where);
      expect(said, what).toMatch(fix);
      expect(
        await kubectl([
          '-n',
          ns,
          'get',
          document.kind === 'Schedule' ? 'schedules.chaos-mesh.org,schedules.zashiki.dev' : String(document.kind),
          '-o',
          'name',
        ]),
        what,
      ).toBe('');
    }
  });
});
