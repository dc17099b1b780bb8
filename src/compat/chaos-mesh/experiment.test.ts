import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { FaultStep, Step } from '../../core/model.ts';
import { faults } from '../../faults/index.ts';
import { isExperiment } from './document.ts';
import { methodOf, needsChoice, toExperiment } from './experiment.ts';
import { readChaos } from './read.ts';

const base = { mode: 'all', selector: { namespaces: ['shop'] } };
const kubernetes = { namespaces: ['shop'] };

/** The steps of a document; `spec` is all but selector and mode, which are all pods of the namespace shop. */
function steps(kind: string, spec: object, chosen?: Parameters<typeof methodOf>[1]): readonly Step[] {
  const read = readChaos({
    apiVersion: 'chaos-mesh.org/v1alpha1',
    kind,
    metadata: { name: 'it' },
    spec: { ...base, ...spec },
  });
  expect(read.findings ?? []).toEqual([]);
  const [document] = read.findings ? [] : read.documents;
  if (!document || !isExperiment(document)) throw new Error('not an experiment');
  return methodOf(document, chosen);
}

const flat = (method: readonly Step[]): readonly FaultStep[] =>
  method.flatMap((step) => (step.kind === 'fault' ? [step] : step.kind === 'pause' ? [] : flat(step.steps)));

/** What a step comes to, in short. */
const short = (method: readonly Step[]) => flat(method).map(({ fault, params }) => [fault, params]);

describe('PodChaos', () => {
  test('CM-08, CM-15 pod-kill is over at once, so its duration does not count', () => {
    expect(steps('PodChaos', { action: 'pod-kill', gracePeriod: 5, duration: '30s' })).toEqual([
      {
        kind: 'fault',
        fault: 'pod-kill',
        target: { platform: 'kubernetes', selector: kubernetes },
        mode: 'all',
        params: { grace: '5s' },
        resolve: 'step',
      },
    ]);
  });

  test('pod-failure lasts, for its duration or until somebody ends it', () => {
    expect(steps('PodChaos', { action: 'pod-failure', duration: '1m30s' })).toMatchObject([
      { fault: 'pod-failure', duration: 90_000 },
    ]);
    expect(steps('PodChaos', { action: 'pod-failure' })[0]).not.toHaveProperty('duration');
  });

  test('CM-17 container-kill names the containers', () => {
    const two = { action: 'container-kill', containerNames: ['app', 'log'], mode: 'fixed', value: '2' };
    expect(() => steps('PodChaos', two)).toThrow(/several containers of the pods that mode fixed draws/);
    expect(steps('PodChaos', two, { source: { shop: ['a'] } })).toMatchObject([
      { mode: 'all', target: { selector: { pods: { shop: ['a'] }, containers: ['app', 'log'] } } },
    ]);
    const method = steps('PodChaos', { ...two, containerNames: ['app'] });
    expect(method).toMatchObject([
      {
        fault: 'container-kill',
        params: { signal: 'SIGKILL' },
        mode: 'fixed',
        value: 2,
        target: { selector: { ...kubernetes, containers: ['app'] } },
      },
    ]);
  });

  test.each([
    ['one', undefined, {}],
    ['all', '7', {}],
    ['fixed', '3', { value: 3 }],
    ['fixed-percent', '50', { value: 50 }],
    ['random-max-percent', '100', { value: 100 }],
  ])('CM-03 mode %s %s', (mode, value, expected) => {
    const [step] = steps('PodChaos', { action: 'pod-kill', mode, ...(value ? { value } : {}) });
    expect(step).toMatchObject({ mode, ...expected });
    expect('value' in (step ?? {})).toBe('value' in expected);
  });

  test('CM-04 every selector has its place', () => {
    const selector = {
      labelSelectors: { app: 'web' },
      expressionSelectors: [{ key: 'tier', operator: 'Exists' }],
      annotationSelectors: { team: 'red' },
      fieldSelectors: { 'status.phase': 'Running' },
      podPhaseSelectors: ['!Running'],
      nodes: ['node-1'],
      nodeSelectors: { disk: 'ssd' },
    };
    expect(flat(steps('PodChaos', { action: 'pod-kill', selector }))[0]?.target.selector).toEqual({
      namespaces: ['default'],
      labels: { app: 'web' },
      expressions: [{ key: 'tier', operator: 'Exists', values: [] }],
      annotations: { team: 'red' },
      fields: { 'status.phase': 'Running' },
      phases: ['Pending', 'Succeeded', 'Failed', 'Unknown'],
      nodes: ['node-1'],
      nodeLabels: { disk: 'ssd' },
    });
  });

  test('CM-04 pods by name count alone', () => {
    const selector = { labelSelectors: { app: 'web' }, pods: { shop: ['web-0'], bank: ['a', 'b'] } };
    expect(flat(steps('PodChaos', { action: 'pod-kill', selector }))[0]?.target.selector).toEqual({
      namespaces: ['shop', 'bank'],
      pods: { shop: ['web-0'], bank: ['a', 'b'] },
    });
  });
});

describe('CM-18 NetworkChaos: effects', () => {
  const egress = { direction: 'egress' };
  test.each([
    [
      { action: 'delay', delay: { latency: '0.5s' } },
      'network-delay',
      { latency: '0.5s', jitter: '0ms', correlation: '0%' },
    ],
    [
      { action: 'delay', delay: { latency: '1ms', reorder: { reorder: '50', correlation: '5', gap: 3 } } },
      'network-delay',
      { latency: '1ms', jitter: '0ms', correlation: '0%', reorder: { percent: '50%', correlation: '5%', gap: 3 } },
    ],
    [
      { action: 'loss', loss: { loss: '25.5', correlation: '5' } },
      'network-loss',
      { percent: '25.5%', correlation: '5%' },
    ],
    [{ action: 'duplicate', duplicate: { duplicate: '5' } }, 'network-duplicate', { percent: '5%', correlation: '0%' }],
    [{ action: 'corrupt', corrupt: { corrupt: '5' } }, 'network-corrupt', { percent: '5%', correlation: '0%' }],
    [{ action: 'netem', rate: { rate: '10 KBPS' } }, 'network-rate', { rate: '10KBPS' }],
    [{ action: 'netem', loss: { loss: '1' } }, 'network-loss', { percent: '1%', correlation: '0%' }],
    [
      { action: 'netem', loss: { loss: '1' }, rate: { rate: '1mbit' } },
      'network-combine',
      { loss: { percent: '1%', correlation: '0%' }, rate: { rate: '1mbit' } },
    ],
    [
      { action: 'bandwidth', bandwidth: { rate: '1mbps', limit: 100, buffer: 10000 } },
      'network-rate',
      { rate: '1mbps', limit: 1600, burst: 10000 },
    ],
    [{ action: 'partition' }, 'network-partition', {}],
  ])('%j', (spec, fault, params) => {
    expect(short(steps('NetworkChaos', spec))).toEqual([[fault, { ...params, ...egress }]]);
  });
});

describe('CM-18, CM-20 NetworkChaos: the right ends are hit', () => {
  const source = { kubernetes };
  const target = { mode: 'all', selector: { namespaces: ['bank'] } };
  const bank = { kubernetes: { namespaces: ['bank'] } };
  const loss = { action: 'loss', loss: { loss: '5' } };
  /** Namespace hit, direction, peers. */
  const ends = (method: readonly Step[]) =>
    flat(method).map((step) => [
      (step.target.selector.namespaces as readonly string[])[0],
      step.params.direction,
      step.params.peers,
      step.params.remotePorts,
    ]);

  test.each([
    ['to', [['shop', 'egress', [bank], undefined]]],
    ['from', [['bank', 'egress', [source], undefined]]],
    [
      'both',
      [
        ['shop', 'egress', [bank], undefined],
        ['bank', 'egress', [source], undefined],
      ],
    ],
  ])('an effect %s', (direction, expected) => {
    expect(ends(steps('NetworkChaos', { ...loss, direction, target }))).toEqual(expected);
  });

  test.each([
    ['to', 'egress', 'ingress'],
    ['from', 'ingress', 'egress'],
    ['both', 'both', 'both'],
  ])('a partition %s is made at both ends', (direction, here, there) => {
    expect(ends(steps('NetworkChaos', { action: 'partition', direction, target }))).toEqual([
      ['shop', here, [bank], undefined],
      ['bank', there, [source], undefined],
    ]);
  });

  test('CM-19 devices belong to their ends', () => {
    const spec = { action: 'partition', direction: 'both', target, device: 'eth1', targetDevice: 'eth2' };
    expect(flat(steps('NetworkChaos', spec)).map(({ params }) => params.interface)).toEqual(['eth1', 'eth2']);
  });

  test('the outside, port by port', () => {
    const externalTargets = ['example.com', '10.0.0.0/8', 'a.example.com:443', '[fd00::1]:443', '192.0.2.7:53'];
    expect(ends(steps('NetworkChaos', { ...loss, externalTargets, target }))).toEqual([
      ['shop', 'egress', [bank, 'example.com', '10.0.0.0/8'], undefined],
      ['shop', 'egress', ['192.0.2.7'], [53]],
      ['shop', 'egress', ['a.example.com', 'fd00::1'], [443]],
    ]);
  });

  test('from the outside alone, a partition can be', () => {
    const spec = { action: 'partition', direction: 'from', externalTargets: ['10.0.0.1'] };
    expect(ends(steps('NetworkChaos', spec))).toEqual([['shop', 'ingress', ['10.0.0.1'], undefined]]);
  });

  test('who draws one pod at an end that the other has to know, needs them chosen before', () => {
    const spec = { ...loss, target: { ...target, mode: 'one' } };
    expect(() => steps('NetworkChaos', spec)).toThrow(/spec\.target\.mode: the pods that mode one draws/);
    const chosen = { source: { shop: ['a', 'b'] }, target: { bank: ['x'] } };
    expect(flat(steps('NetworkChaos', spec, chosen))).toMatchObject([
      {
        mode: 'all',
        target: { selector: { pods: { shop: ['a', 'b'] } } },
        params: { peers: [{ kubernetes: { namespaces: ['bank'], pods: { bank: ['x'] } } }] },
      },
    ]);
  });

  test('a partition of one drawn pod is made at its own end alone', () => {
    const spec = { action: 'partition', mode: 'one', direction: 'from', target };
    expect(ends(steps('NetworkChaos', spec))).toEqual([['shop', 'ingress', [bank], undefined]]);
  });

  test('one drawn pod cannot have two ports', () => {
    expect(() => steps('NetworkChaos', { ...loss, mode: 'one', externalTargets: ['a:1', 'b:2'] })).toThrow(
      /spec\.mode: the pods/,
    );
  });
});

describe('CM-27 StressChaos', () => {
  test.each([
    [{ stressors: { cpu: { workers: 4 } } }, 'cpu-stress', { workers: 4, load: 100 }],
    [{ stressors: { cpu: { workers: 4, load: 50 } } }, 'cpu-stress', { workers: 4, load: 50 }],
    [{ stressors: { memory: { workers: 2, size: '256MB' } } }, 'memory-stress', { workers: 2, size: '256MB' }],
    [
      { stressors: { memory: { workers: 1, size: '50%' } } },
      'stress',
      { arguments: ['--vm', '1', '--vm-bytes', '50%', '--vm-keep'] },
    ],
    [
      { stressors: { cpu: { workers: 1, options: ['--cpu-method', 'sqrt'] }, memory: { workers: 1, size: '1MiB' } } },
      'stress',
      {
        arguments: [
          ...['--cpu', '1', '--cpu-load', '100', '--cpu-method', 'sqrt'],
          ...['--vm', '1', '--vm-bytes', '1048576', '--vm-keep'],
        ],
      },
    ],
    [
      { stressors: { cpu: { workers: 1, load: 20, options: ['--cpu 2', ' --timeout  600 '] } } },
      'stress',
      { arguments: ['--cpu', '1', '--cpu-load', '20', '--cpu', '2', '--timeout', '600'] },
    ],
    [{ stressors: { cpu: { workers: 2000 } } }, 'stress', { arguments: ['--cpu', '2000', '--cpu-load', '100'] }],
    [
      { stressngStressors: `--timer 1 --x 'two words'`, stressors: { cpu: { workers: 1 } } },
      'stress',
      { arguments: ['--timer', '1', '--x', 'two words'] },
    ],
  ])('%j', (spec, fault, params) => {
    expect(short(steps('StressChaos', spec))).toEqual([[fault, params]]);
  });
});

const folder = join(import.meta.dirname, 'fixtures/valid');
const documents = ['pod', 'network', 'stress', 'legacy', 'schedule']
  .flatMap((file) => readFileSync(join(folder, `${file}.yaml`), 'utf8').split(/^---\n/m))
  .map((text) => readChaos(parse(text)))
  .flatMap((read) => (read.findings ? [] : read.documents))
  .filter(isExperiment);

test.each(documents)('the faults of $metadata.name take their parameters', (document) => {
  const chosen = needsChoice(document) ? { source: { shop: ['a'] } } : undefined;
  for (const step of flat(toExperiment(document, chosen).spec.method)) {
    const fault = faults.find(({ id }) => id === step.fault);
    // Faults that the catalogue does not have yet are those of the platform for pods.
    if (!fault) expect(['pod-kill', 'pod-failure']).toContain(step.fault);
    else expect(fault.params.safeParse(step.params).error).toBeUndefined();
  }
});
