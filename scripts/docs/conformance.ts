import {
  type ChaosDocument,
  type ChaosExperiment,
  childOf,
  isExperiment,
  planWorkflow,
  readChaos,
} from '../../src/compat/chaos-mesh/index.ts';
import { chaosKinds } from '../../src/compat/chaos-mesh/kinds/blocks.ts';
import { withAll } from '../../src/compat/chaos-mesh/workflow/plan.ts';
import { faults } from '../../src/faults/index.ts';
import { judge } from '../../src/operator/admission/judge.ts';
import { meaningOfDocument } from '../../src/operator/chaos-mesh.ts';
import { kindOf } from '../../src/operator/kinds.ts';
import type { Resource } from '../../src/operator/resource.ts';
import kubernetes from '../../src/platforms/kubernetes/platform.ts';
import { formatPath } from '../../src/spec/problem.ts';
import { type Sample, samplesOf, samplesOfOthers } from './chaos-mesh-samples.ts';
import { code, table } from './markdown.ts';

/** What becomes of a document: carried out by these faults, refused, or known and not there yet. */
export type Outcome =
  | { readonly is: 'works'; readonly faults: readonly string[] }
  | { readonly is: 'refused' | 'not yet'; readonly message: string };

const head = (kind: string, apiVersion = 'chaos-mesh.org/v1alpha1') => ({
  apiVersion,
  kind,
  metadata: { name: 'it', namespace: 'shop' },
});

const old = ({ kind, spec }: Sample, apiVersion?: string) => {
  const { containerNames, ...rest } = spec as { containerNames?: readonly string[] };
  const named = containerNames ? { ...rest, containerName: containerNames[0] } : rest;
  return {
    ...head(kind === 'IOChaos' ? 'IoChaos' : kind, apiVersion),
    spec: { ...named, duration: '30s', scheduler: { cron: '@every 1m' } },
  };
};

/** The forms in which an experiment is written. */
export const forms: Readonly<Record<string, (sample: Sample) => object>> = {
  v2: ({ kind, spec }) => ({ ...head(kind), spec: { ...spec, duration: '30s' } }),
  'v0.9 to v1.x, `scheduler`': (sample) => old(sample),
  'v0.8, `pingcap.com`': (sample) => old(sample, 'pingcap.com/v1alpha1'),
  'in a Schedule': ({ kind, block, spec }) => ({
    ...head('Schedule'),
    spec: { schedule: '@daily', type: kind, [block]: { ...spec, duration: '30s' } },
  }),
  'in a Workflow': ({ kind, block, spec }) => ({
    ...head('Workflow'),
    spec: { entry: 'it', templates: [{ name: 'it', templateType: kind, deadline: '30s', [block]: spec }] },
  }),
};

const anybody = {
  mayCreate: async () => true,
  protectedNamespaces: [],
  isOurs: () => false,
  stopped: () => undefined,
};

/** Read it, ask the operator's webhook, and make faults of it, as the operator would for two pods at each end. */
export async function outcomeOf(document: object): Promise<Outcome> {
  const { findings, ...read } = readChaos(document);
  if (findings) {
    const message = findings.map(({ path, message: text }) => `${formatPath(path)}: ${text}`).join('; ');
    return { is: findings.every((each) => each.code === 'not-available') ? 'not yet' : 'refused', message };
  }
  const resource = document as Resource;
  // The group of v0.8 is read from files only: there is no such kind in a cluster.
  if (kindOf(resource)) {
    const { allowed, message = '' } = await judge(
      { uid: 'u', operation: 'CREATE', object: resource, userInfo: {} },
      anybody,
    );
    if (!allowed) return { is: 'refused', message };
  }
  const { documents } = read as { documents: readonly ChaosDocument[] };
  return { is: 'works', faults: [...new Set(documents.flatMap(experimentsIn).flatMap(faultsOf))] };
}

function experimentsIn(document: ChaosDocument): readonly ChaosExperiment[] {
  if (isExperiment(document)) return [document];
  if (document.kind === 'Schedule') return experimentsIn(childOf(document));
  if (document.kind !== 'Workflow') return [];
  return withAll(planWorkflow(document).entry).flatMap((node) => (node.type === 'Chaos' ? [node.chaos] : []));
}

/** Ids of the faults, each of which takes its parameters and needs no more than a pod can offer; else it throws. */
function faultsOf(document: ChaosExperiment): readonly string[] {
  const drawn = (end: string) => ['a', 'b'].map((name) => ({ namespace: 'shop', name: `${end}-${name}`, uid: name }));
  const { ends, steps } = meaningOfDocument(document);
  const chosen = Object.fromEntries(Object.keys(ends).map((end) => [end, drawn(end)]));
  return steps(chosen).map(({ step }) => {
    const fault = faults.find(({ id }) => id === step.fault);
    if (!fault) throw new Error(`${document.kind} becomes ${step.fault}, which is not in the catalogue`);
    fault.params.parse(step.params);
    const lacking = fault.needs.filter((need) => !(kubernetes.capabilities as readonly string[]).includes(need));
    if (lacking.length > 0) throw new Error(`${step.fault} needs ${lacking.join(', ')}, which no pod offers`);
    return step.fault;
  });
}

/** One row for each action: all its forms. */
export interface Row extends Sample {
  readonly outcomes: readonly Outcome[];
}

/** Every kind of Chaos Mesh that does something, with every action, in every form. */
export async function conformance(): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (const sample of [...samplesOf(chaosKinds), ...samplesOfOthers()]) {
    const outcomes: Outcome[] = [];
    for (const form of Object.values(forms)) outcomes.push(await outcomeOf(form(sample)));
    rows.push({ ...sample, outcomes });
  }
  return rows;
}

/** The table, and what its numbers stand for. Actions with the same outcomes share a line where nothing works. */
export async function conformanceTables(): Promise<readonly string[]> {
  const messages: string[] = [];
  const numberOf = (message: string) => {
    if (!messages.includes(message)) messages.push(message);
    return messages.indexOf(message) + 1;
  };
  const cell = (outcome: Outcome) =>
    outcome.is === 'works' ? 'works' : `${outcome.is} (${numberOf(outcome.message)})`;
  const lines = new Map<string, { readonly kind: string; readonly actions: string[]; readonly cells: string[] }>();
  for (const { kind, action, outcomes } of await conformance()) {
    const cells = outcomes.map(cell);
    const works = outcomes.flatMap((outcome) => (outcome.is === 'works' ? outcome.faults : []));
    const key = works.length > 0 ? `${kind} ${action}` : `${kind} ${cells.join(' ')}`;
    const line = lines.get(key) ?? { kind, actions: [], cells: [[...new Set(works)].map(code).join(', '), ...cells] };
    if (action) line.actions.push(code(action));
    lines.set(key, line);
  }
  const rows = [...lines.values()].map(({ kind, actions, cells }) => [kind, actions.join(', '), ...cells]);
  return [
    table(['Kind', 'Action', 'Fault', ...Object.keys(forms)], rows),
    table(
      ['', 'Message'],
      messages.map((message, i) => [String(i + 1), message]),
    ),
  ];
}
