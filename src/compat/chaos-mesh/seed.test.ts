import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { formatProblems, type Registries, readDocuments, registries } from '../../spec/index.ts';
import { formatPath } from '../../spec/problem.ts';
import { chaosMeshDoor } from './door.ts';
import { ioMethods, oldIoMethods } from './kinds/io-chaos.ts';
import { readChaos } from './read.ts';
import { firesAtOnce } from './schedule.ts';

/** Rows of the seed's own Chaos Mesh, v0.8 to v1.x, that reading shows. */
const here: Registries = { ...registries, doors: [chaosMeshDoor] };
const fixture = (name: string) => readFileSync(join(import.meta.dirname, 'fixtures/seed', name), 'utf8');
const pods = { mode: 'one', selector: { namespaces: ['shop'] } };

const read = (kind: string, spec: object) =>
  readChaos({ apiVersion: 'chaos-mesh.org/v1alpha1', kind, metadata: { name: 'it' }, spec: { ...pods, ...spec } });
/** `path: message` for each thing that is wrong; what is only not there yet is not wrong. */
const wrong = (kind: string, spec: object) =>
  (read(kind, spec).findings ?? []).flatMap(({ path, message, code }) =>
    code === 'not-available' ? [] : [`${formatPath(path)}: ${message}`],
  );

describe("the article's documents", () => {
  test('CM-01 the one that is whole is read as it is: a kill of one pod each minute, the first at once', async () => {
    const file = join(import.meta.dirname, '../../../examples/kubernetes/three-kills/kill-tikv.yaml');
    const text = readFileSync(file, 'utf8');
    const { documents, problems } = await readDocuments(text, 'kill-tikv.yaml', here);
    expect(problems).toEqual([]);
    const selector = { namespaces: ['chaos-demo-1'], labels: { 'app.kubernetes.io/component': 'tikv' } };
    expect(documents).toMatchObject([
      {
        kind: 'Schedule',
        schedule: {
          metadata: { name: 'pod-kill-chaos-demo' },
          spec: {
            schedule: { cron: '@every 1m' },
            experiment: { method: [{ fault: 'pod-kill', mode: 'one', target: { selector } }] },
          },
        },
      },
    ]);
  });

  test('CM-02 the one that is no YAML: line 9 is named, and the whole text as it was meant follows', async () => {
    const { documents, problems } = await readDocuments(fixture('spec.yaml'), 'spec.yaml', here);
    expect(documents).toEqual([]);
    expect(problems).toMatchObject([{ line: 9, column: 3 }]);
    const told = formatProblems(problems);
    expect(told).toMatch(/^spec\.yaml:9:3 {2}not valid YAML: this key stands in column 3/);
    const corrected = told.split('corrected:\n')[1]?.replace(/^ {4}/gm, '').split('\n\n')[0] ?? '';
    const again = await readDocuments(
      `apiVersion: chaos-mesh.org/v1alpha1\nkind: PodChaos\nmetadata: { name: it }\n${corrected}`,
      'it.yaml',
      here,
    );
    expect(again.problems).toEqual([]);
    expect(again.documents).toMatchObject([
      { kind: 'Schedule', schedule: { spec: { schedule: { cron: '@every 2m' } } } },
    ]);
  });
});

describe('scheduler and duration', () => {
  const fail = { action: 'pod-failure' };
  const every = (cron: string) => ({ scheduler: { cron } });

  test('CM-08 what lasts needs a duration with its scheduler; the message says what to write', () => {
    expect(wrong('PodChaos', { ...fail, ...every('@every 1m') })).toEqual([
      expect.stringMatching(/^spec\.duration: missing: with scheduler each round must have an end: write one/),
    ]);
    expect(wrong('PodChaos', { ...fail, ...every('@every 1m'), duration: '30s' })).toEqual([]);
  });

  test.each([
    ['pod-kill', {}],
    ['container-kill', { containerName: 'app' }],
  ])('CM-08 %s takes a scheduler with and without a duration, and goes without either', (action, more) => {
    for (const given of [{}, every('@every 1m'), { ...every('@every 1m'), duration: '5m' }])
      expect(wrong('PodChaos', { action, ...more, ...given })).toEqual([]);
  });

  test.each([
    ['@every 1m', '1m'],
    ['@every 30s', '31s'],
    ['58,59 * * * *', '58m'],
    ['0 9,17 * * *', '9h'],
  ])('CM-10 %s with rounds of %s: refused, with the least distance of two rounds', (cron, duration) => {
    expect(wrong('PodChaos', { ...fail, ...every(cron), duration })).toEqual([
      expect.stringMatching(/^spec\.duration: each round lasts .* begins the next one after/),
    ]);
  });

  test.each([
    ['@every 1m', '59s'],
    ['0 9 * * *', '23h'],
    ['58,59 * * * *', '59s'],
  ])('CM-10 %s with rounds of %s: fine', (cron, duration) => {
    expect(wrong('PodChaos', { ...fail, ...every(cron), duration })).toEqual([]);
  });

  test('CM-07 a calendar waits for its first time; @every does not', () => {
    const atOnce = (cron: string) => {
      const { documents = [] } = { documents: [], ...read('PodChaos', { action: 'pod-kill', ...every(cron) }) };
      const [first] = documents as readonly { kind: string }[];
      return first?.kind === 'Schedule' && firesAtOnce(first as never);
    };
    expect(['@every 1m', 'TZ=Asia/Tokyo @every 1m', '* * * * *', '@daily'].map(atOnce)).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });
});

describe('IoChaos of v0.9', () => {
  const io = { action: 'mixed', layer: 'fs', volumePath: '/data', delay: '10ms', ...pods };
  /** All that the sidecar of that time knew. */
  const methods =
    'open read write mkdir rmdir opendir fsync flush release truncate getattr chown chmod utimens allocate getlk setlk setlkw statfs readlink symlink create access link mknod rename unlink getxattr listxattr removexattr setxattr'.split(
      ' ',
    );

  test('CM-21 all 31 methods of that time are known, but one that FUSE of today does not tell apart', () => {
    expect(methods).toHaveLength(31);
    const unknown = methods.filter((name) => !ioMethods.includes(name) && !(name in oldIoMethods));
    expect(unknown).toEqual(['allocate']);
    expect(wrong('IoChaos', { ...io, methods: ['open', 'setlkw'] })).toEqual([]);
    expect(wrong('IoChaos', { ...io, methods: ['allocate'] })).toEqual([
      expect.stringMatching(/^spec\.methods\[0\]: unknown operation "allocate"/),
    ]);
  });

  test.each([
    ['percent', '0'],
    ['percent', '101'],
    ['percent', 'half'],
    ['errno', '0'],
    ['errno', 'EIO'],
    ['layer', 'block'],
    ['methods', ['reed']],
    ['volumePath', ''],
  ])('CM-21, CM-22 %s %j is refused', (key, value) => {
    expect(wrong('IoChaos', { ...io, [key]: value })).toEqual([expect.stringContaining(`spec.${key}`)]);
  });

  test('CM-21 sound, and not there yet: nothing is promised', () => {
    const { findings = [] } = read('IoChaos', { ...io, percent: '50', errno: '5', path: '.*\\.db', addr: ':65534' });
    expect(findings.map(({ code }) => code)).toEqual(['not-available']);
    expect(findings[0]?.message).toMatch(/^IOChaos is known, and not yet available/);
  });
});

describe('TimeChaos and KernelChaos', () => {
  test('CM-28 offsets as the seed writes them, and the clocks that there are', () => {
    expect(wrong('TimeChaos', { timeOffset: '-10m100ns' })).toEqual([]);
    expect(wrong('TimeChaos', { timeOffset: '1h', clockIds: ['CLOCK_MONOTONIC', 'CLOCK_REALTIME'] })).toEqual([]);
    expect(wrong('TimeChaos', { timeOffset: '10' })).toEqual([expect.stringContaining('spec.timeOffset')]);
    expect(wrong('TimeChaos', {})).toEqual([expect.stringContaining('spec.timeOffset')]);
    expect(wrong('TimeChaos', { timeOffset: '1h', clockIds: ['REALTIME'] })).toEqual([
      expect.stringContaining('spec.clockIds[0]'),
    ]);
  });

  test('CM-28 KernelChaos is refused by its name, with the reason', () => {
    const failKernRequest = { failtype: 0, callchain: [{ funcname: '__x64_sys_mount' }] };
    expect(wrong('KernelChaos', { failKernRequest })).toEqual([
      expect.stringMatching(/^kind: KernelChaos is not supported: it needs a kernel with BPF_KPROBE_OVERRIDE/),
    ]);
  });
});

test('CM-27 a share of the memory is an argument of its own', () => {
  expect(wrong('StressChaos', { stressors: { memory: { workers: 1, size: '50%' } } })).toEqual([]);
  expect(wrong('StressChaos', { stressors: { memory: { workers: 1, size: '150%' } } })).toEqual([
    expect.stringContaining('spec.stressors.memory.size'),
  ]);
});
