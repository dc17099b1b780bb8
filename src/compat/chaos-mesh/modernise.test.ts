import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { formatPath } from '../../spec/problem.ts';
import { affectedNamespaces, refusalText } from './admission.ts';
import { dnsChaos } from './kinds/dns-chaos.ts';
import { ioChaos } from './kinds/io-chaos.ts';
import { podChaos } from './kinds/pod-chaos.ts';
import { modernise } from './modernise.ts';
import { readChaos } from './read.ts';

const head = { apiVersion: 'chaos-mesh.org/v1alpha1', metadata: { name: 'it', namespace: 'shop' } };
const pods = { mode: 'one', selector: { namespaces: ['shop'] } };

test('a document of v2 stays as it is, without notes', () => {
  const document = { ...head, kind: 'PodChaos', spec: { action: 'pod-kill', ...pods } };
  expect(modernise(document, podChaos)).toEqual({ documents: [document], notes: [] });
});

test('what was given is not changed', () => {
  const document = {
    ...head,
    kind: 'PodChaos',
    spec: { action: 'container-kill', containerName: 'app', paused: true, ...pods },
  };
  const before = structuredClone(document);
  modernise(document, podChaos);
  expect(document).toEqual(before);
});

test('CM-21 an IoChaos of v0.8 that mixes is two of v2, each a Schedule of its own', () => {
  const spec = {
    ...{ action: 'mixed', layer: 'fs', configName: 'x', addr: ':65534', volumePath: '/data', path: '.*', ...pods },
    ...{ errno: '32', percent: '50', delay: '1ms', methods: ['open', 'chmod', 'chown'], duration: '10s' },
    scheduler: { cron: '@every 1m' },
  };
  const { documents, notes } = modernise({ ...head, kind: 'IoChaos', spec }, ioChaos);
  const common = {
    ...pods,
    volumePath: '/data',
    path: '.*',
    percent: 50,
    methods: ['open', 'setattr'],
    duration: '10s',
  };
  expect(documents).toMatchObject([
    {
      ...{ kind: 'Schedule', metadata: { name: 'it-latency', annotations: { 'zashiki.dev/first-run': 'at-once' } } },
      spec: { schedule: '@every 1m', type: 'IOChaos', ioChaos: { ...common, action: 'latency', delay: '1ms' } },
    },
    { metadata: { name: 'it-fault' }, spec: { ioChaos: { ...common, action: 'fault', errno: 32 } } },
  ]);
  expect(documents[1]).not.toHaveProperty('spec.ioChaos.delay');
  expect(documents[0]).not.toHaveProperty('spec.ioChaos.errno');
  expect(new Set(notes.map(({ path }) => formatPath(path)))).toEqual(
    new Set([
      'kind',
      ...['layer', 'configName', 'addr', 'percent', 'errno', 'methods', 'action', 'path', 'scheduler'].map(
        (key) => `spec.${key}`,
      ),
    ]),
  );
});

test.each([
  ['delay', { delay: '1ms' }, { action: 'latency', delay: '1ms' }],
  ['errno', { errno: '' }, { action: 'fault', errno: 5 }],
])('CM-21 an IoChaos of v0.8 with the action %s', (action, given, expected) => {
  const { documents } = modernise(
    { ...head, kind: 'IoChaos', spec: { action, volumePath: '/data', ...given, ...pods } },
    ioChaos,
  );
  expect(documents).toEqual([{ ...head, kind: 'IOChaos', spec: { volumePath: '/data', ...pods, ...expected } }]);
});

test('scope all of a DNSChaos is no patterns', () => {
  const { documents } = modernise(
    { ...head, kind: 'DNSChaos', spec: { action: 'error', scope: 'all', ...pods } },
    dnsChaos,
  );
  expect(documents[0]?.spec).toEqual({ action: 'error', ...pods });
});

test('a refusal names one path a line', () => {
  const { findings = [] } = readChaos({
    ...head,
    kind: 'PodChaos',
    spec: { action: 'pod-kill', mode: 'fixed', selector: {}, duration: '5' },
  });
  expect(refusalText(findings)).toMatch(/^spec\.duration: not a duration.*\nspec\.value: missing: mode fixed/);
});

const namespaces = (document: object) => {
  const read = readChaos({ ...head, ...document });
  const [first] = read.findings ? [] : read.documents;
  return first ? affectedNamespaces(first) : [];
};

test('all namespaces that are hit are named: both ends, pods by name, and what is inside', () => {
  const bank = { mode: 'all', selector: { namespaces: ['bank'] } };
  expect(
    namespaces({ kind: 'NetworkChaos', spec: { action: 'partition', mode: 'all', selector: {}, target: bank } }),
  ).toEqual(['bank', 'shop']);
  const byName = { ...pods, selector: { namespaces: ['other'], pods: { x: ['a'], y: ['b'] } } };
  expect(namespaces({ kind: 'PodChaos', spec: { action: 'pod-kill', ...byName } })).toEqual(['x', 'y']);
  const workflow = parse(
    readFileSync(join(import.meta.dirname, 'fixtures/valid/workflow.yaml'), 'utf8').split(/^---\n/m)[0] ?? '',
  );
  expect(namespaces(workflow)).toEqual(['shop']);
  const inside = {
    type: 'NetworkChaos',
    schedule: '@daily',
    networkChaos: { action: 'partition', duration: '1s', ...pods, target: bank },
  };
  expect(namespaces({ kind: 'Schedule', spec: inside })).toEqual(['bank', 'shop']);
});
