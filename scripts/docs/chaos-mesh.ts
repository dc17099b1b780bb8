import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parse } from 'yaml';
import { isExperiment } from '../../src/compat/chaos-mesh/document.ts';
import { methodOf, needsChoice } from '../../src/compat/chaos-mesh/experiment.ts';
import type { Kind } from '../../src/compat/chaos-mesh/kind.ts';
import { chaosKinds } from '../../src/compat/chaos-mesh/kinds/blocks.ts';
import { kinds } from '../../src/compat/chaos-mesh/kinds/index.ts';
import { unsupportedKinds } from '../../src/compat/chaos-mesh/kinds/unsupported.ts';
import { readChaos } from '../../src/compat/chaos-mesh/read.ts';
import type { Step } from '../../src/core/model.ts';
import { describeParams } from '../../src/spec/params.ts';
import { formatPath } from '../../src/spec/problem.ts';
import { code, generated, page, paramTable, table } from './markdown.ts';

type Spec = Readonly<Record<string, unknown>>;

const pods = { mode: 'all', selector: { namespaces: ['shop'] } };
const io = { volumePath: '/data' };

/** One sound `spec` for each action of each kind; a kind without actions has one. */
const samples: Readonly<Record<string, Readonly<Record<string, Spec>>>> = {
  PodChaos: { 'pod-kill': {}, 'pod-failure': {}, 'container-kill': { containerNames: ['app'] } },
  NetworkChaos: {
    netem: { delay: { latency: '1ms' }, loss: { loss: '1' } },
    delay: { delay: { latency: '1ms' } },
    loss: { loss: { loss: '1' } },
    duplicate: { duplicate: { duplicate: '1' } },
    corrupt: { corrupt: { corrupt: '1' } },
    partition: {},
    bandwidth: { bandwidth: { rate: '1mbps', limit: 20971520, buffer: 10000 } },
  },
  StressChaos: {
    'stressors.cpu': { stressors: { cpu: { workers: 1 } } },
    'stressors.memory': { stressors: { memory: { workers: 1, size: '256MB' } } },
    stressngStressors: { stressngStressors: '--cpu 1' },
  },
  IOChaos: {
    latency: { ...io, delay: '1ms' },
    fault: { ...io, errno: 5 },
    attrOverride: { ...io, attr: { perm: 72 } },
    mistake: { ...io, mistake: { maxOccurrences: 1, maxLength: 1 } },
  },
  TimeChaos: { '': { timeOffset: '-1h' } },
  DNSChaos: { error: {}, random: {} },
  HTTPChaos: { '': { target: 'Request', port: 80, abort: true } },
};

const actionOf = ({ spec }: Kind): readonly string[] =>
  'action' in spec.shape ? ((spec.shape.action as { options?: readonly string[] }).options ?? []) : [];

function specOf(kind: Kind, action: string): Spec {
  const own = samples[kind.kind]?.[action];
  if (!own) throw new Error(`scripts/docs/chaos-mesh.ts has no sample of ${kind.kind} ${action}`);
  return { ...(actionOf(kind).length > 0 ? { action } : {}), ...pods, ...own };
}

const head = (kind: string) => ({ apiVersion: 'chaos-mesh.org/v1alpha1', kind, metadata: { name: 'it' } });

/** The forms in which an experiment is written. */
const forms: Readonly<Record<string, (kind: Kind, spec: Spec) => object>> = {
  v2: (kind, spec) => ({ ...head(kind.kind), spec: { ...spec, duration: '30s' } }),
  'v1.x, `scheduler`': (kind, spec) => {
    const { containerNames, ...rest } = spec as { containerNames?: readonly string[] };
    const old = containerNames ? { ...rest, containerName: containerNames[0] } : rest;
    return {
      ...head(kind.kind === 'IOChaos' ? 'IoChaos' : kind.kind),
      spec: { ...old, duration: '30s', scheduler: { cron: '@every 1m' } },
    };
  },
  'in a Schedule': (kind, spec) => ({
    ...head('Schedule'),
    spec: { schedule: '@daily', type: kind.kind, [kind.block ?? '']: { ...spec, duration: '30s' } },
  }),
  'in a Workflow': (kind, spec) => ({
    ...head('Workflow'),
    spec: {
      entry: 'it',
      templates: [{ name: 'it', templateType: kind.kind, deadline: '30s', [kind.block ?? '']: spec }],
    },
  }),
};

/** `read`, or why not; computed by reading it. */
function outcomeOf(document: object): string {
  const { findings } = readChaos(document);
  if (!findings) return 'read';
  if (findings.every((finding) => finding.code === 'not-available')) return 'not yet';
  return findings.map(({ path, message }) => `refused: ${formatPath(path)}: ${message}`).join('; ');
}

const faultsIn = (steps: readonly Step[]): readonly string[] =>
  steps.flatMap((step) => (step.kind === 'fault' ? [step.fault] : step.kind === 'pause' ? [] : faultsIn(step.steps)));

function faultOf(kind: Kind, spec: Spec): string {
  const read = readChaos(forms.v2?.(kind, spec));
  const [document] = read.findings ? [] : read.documents;
  if (!document || !isExperiment(document) || needsChoice(document)) return '';
  return [...new Set(faultsIn(methodOf(document)))].map(code).join(', ');
}

const conformance = () =>
  chaosKinds.flatMap((kind) =>
    Object.keys(samples[kind.kind] ?? {}).map((action) => {
      const spec = specOf(kind, action);
      return [
        kind.kind,
        action && code(action),
        faultOf(kind, spec),
        ...Object.values(forms).map((form) => outcomeOf(form(kind, spec))),
      ];
    }),
  );

/** Everything that the tests hold to be refused, with the message that it gets. */
function refusals(): readonly (readonly string[])[] {
  const folder = join(resolve(import.meta.dirname, '../..'), 'src/compat/chaos-mesh/fixtures/broken');
  const rows = readdirSync(folder)
    .sort()
    .flatMap((file) => readFileSync(join(folder, file), 'utf8').split(/^---\n/m))
    .map((text) => parse(text) as { readonly kind: string })
    .flatMap((document) =>
      (readChaos(document).findings ?? []).map(({ path, message }) => [document.kind, code(formatPath(path)), message]),
    );
  const order = [...kinds.map(({ kind }) => kind), 'IoChaos', ...Object.keys(unsupportedKinds)];
  return rows.sort((a, b) => order.indexOf(a[0] ?? '') - order.indexOf(b[0] ?? ''));
}

/** docs/reference/chaos-mesh.md: what of Chaos Mesh is read, as what, and what is refused. */
export function chaosMeshPage(): string {
  const missing = chaosKinds.flatMap((kind) => actionOf(kind).filter((action) => !samples[kind.kind]?.[action]));
  if (missing.length > 0) throw new Error(`scripts/docs/chaos-mesh.ts has no sample of ${missing.join(', ')}`);
  return page(
    generated('src/compat/chaos-mesh'),
    '# Chaos Mesh',
    'Documents of Chaos Mesh as Zashiki reads them; [the guide](../guide/from-chaos-mesh.md) says how, and what is different. This page is about reading; [the operator](../guide/kubernetes-operator.md) carries them out in a cluster.',
    '## Kinds, actions, forms',
    'Made by reading one document of each. **read**: it is sound, and becomes the fault that is named. **not yet**: it is known and checked, and then refused with the code `not-available`; nothing is done.',
    table(['Kind', 'Action', 'Fault', ...Object.keys(forms)], conformance()),
    'Schedule, Workflow (`Task`, `Serial`, `Parallel`, `Suspend`, `StatusCheck`, `Schedule` and the kinds above) and StatusCheck are read.',
    '## Not supported',
    'Refused with the code `not-supported`, by their names alone.',
    table(
      ['Kind', 'Because'],
      Object.entries(unsupportedKinds).map(([kind, why]) => [kind, why]),
    ),
    '## Fields',
    ...kinds.map((kind) => page(`### ${kind.kind}`, kind.summary, fieldTable(kind)).trimEnd()),
    '## What is refused',
    'A selection, one document for each line. Every problem comes with its line and column.',
    table(['Kind', 'Where', 'Message'], refusals()),
  );
}

/** The selector is told once, and blocks where they have their own section. */
function fieldTable(kind: Kind): string {
  const blocks = chaosKinds.map(({ block = '' }) => block);
  const rows = describeParams(kind.spec).filter(({ name }) => {
    const inSelector = /(^|\.)selector\./.test(name) && !(kind.kind === 'PodChaos' && name.startsWith('selector.'));
    const inBlock = name
      .split('.')
      .some((part, i, all) => i < all.length - 1 && blocks.includes(part.replace('[]', '')));
    const inSchedule = kind.kind === 'Workflow' && /\.(schedule|statusCheck)\./.test(name);
    return !inSelector && !inBlock && !inSchedule;
  });
  const old = Object.keys(kind.legacy ?? {}).filter((key) => !(key in kind.spec.shape));
  const also = old.length > 0 ? `Of older versions it also takes ${old.map(code).join(', ')}.` : '';
  return [paramTable(rows), also].filter(Boolean).join('\n\n');
}
