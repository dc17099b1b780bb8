import type { Experiment, FaultStep, JsonObject, Step } from '../core/model.ts';
import type { Schedule } from '../core/schedule/model.ts';
import { faultSteps } from '../core/steps.ts';
import { readValue } from '../spec/read.ts';
import type { Affected } from './admission/affected.ts';
import { experimentKind, type KindInfo } from './kinds.ts';
import type { Resource } from './resource.ts';

/** A document of ours, made to stay within the cluster. */
export type ReadOwnDocument =
  | {
      readonly document: Experiment | Schedule;
      readonly affected: readonly Affected[];
      readonly warnings?: readonly string[];
    }
  | { readonly problems: readonly string[] };

const podExec: KindInfo = { group: '', version: 'v1', kind: 'Pod', plural: 'pods/exec' };

/** Probes that are read over the network or the API: all that the operator reads for others. */
const allowedProbes: readonly string[] = ['http', 'tcp', 'prometheus'];

/**
 * Read an Experiment or a Schedule of ours. In a cluster it may only reach what is in the cluster: no programs, no
 * files, no other clusters. Selectors without a namespace mean that of the resource.
 */
export async function readOwn(
  resource: Pick<Resource, 'apiVersion' | 'kind' | 'metadata' | 'spec'>,
): Promise<ReadOwnDocument> {
  const { apiVersion, kind, metadata, spec } = resource;
  const { name, namespace, labels } = metadata;
  const given = { apiVersion, kind, metadata: { name, ...(labels ? { labels } : {}) }, spec };
  const { documents, problems } = await readValue(given, kind);
  if (problems.length > 0) return { problems: problems.map(({ path, message }) => `${path || kind}: ${message}`) };
  const [read] = documents;
  if (!read || read.kind === 'Foreign') return { problems: [`${kind}: ${read?.why ?? 'nothing could be read'}`] };
  const before = read.kind === 'Experiment' ? read.experiment.spec : read.schedule.spec.experiment;
  const at = read.kind === 'Experiment' ? 'spec' : 'spec.experiment';
  const found: string[] = [];
  const affected = new Map<string, Affected>();
  const reach = (place: string | null) => affected.set(String(place), { kind: experimentKind, namespace: place });
  reach(namespace);
  for (const { path, step } of faultSteps(before.method)) {
    const { platform, selector } = step.target;
    if (platform !== 'kubernetes') {
      found.push(`${at}.${path}.target.${platform}: in a cluster only kubernetes is reached; run it with zashiki run`);
      continue;
    }
    for (const key of ['kubeconfig', 'context'] as const) {
      if (selector[key] !== undefined)
        found.push(`${at}.${path}.target.kubernetes.${key}: the operator knows its own cluster only: remove it`);
    }
    for (const place of placesOf(selector, namespace)) {
      reach(place);
      // A program in somebody's pod is more than chaos: it takes the right to run one there.
      if (step.fault === 'container-exec') affected.set(`exec ${place}`, { kind: podExec, namespace: place });
    }
  }
  const probes = [
    ...before.steadyStateHypothesis.map(({ probe }, index) => ({
      probe,
      path: `${at}.steadyStateHypothesis[${index}].probe`,
    })),
    ...before.stopWhen.map(({ probe }, index) => ({ probe, path: `${at}.stopWhen[${index}].probe` })),
    ...gates(before.method, `${at}.method`),
  ];
  for (const { probe, path } of probes) {
    if (!allowedProbes.includes(probe.id)) {
      found.push(
        `${path}.${probe.id}: not in a cluster, where it would look at the operator itself; there are ${allowedProbes.join(', ')}`,
      );
    }
  }
  for (const [index, { action }] of before.rollbacks.entries()) {
    if (action.id === 'exec')
      found.push(`${at}.rollbacks[${index}].exec: no programs are run in the operator; use http, or remove it`);
  }
  if (found.length > 0) return { problems: found };
  const spec2 = { ...before, method: before.method.map((step) => within(step, namespace)) };
  const document: Experiment | Schedule =
    read.kind === 'Experiment'
      ? { ...read.experiment, spec: spec2 }
      : { ...read.schedule, spec: { ...read.schedule.spec, experiment: spec2 } };
  return { document, affected: [...affected.values()] };
}

/** Namespaces that a selector reaches; null: the whole cluster. */
function placesOf(selector: JsonObject, own: string): readonly (string | null)[] {
  const { kind, namespaces, pods } = selector;
  if (kind === 'node') return [null];
  if (namespaces !== undefined) {
    return (Array.isArray(namespaces) ? namespaces : [namespaces]).map((name) => (name === '*' ? null : String(name)));
  }
  const named = Object.keys((pods as JsonObject | undefined) ?? {});
  return named.length > 0 ? named : [own];
}

function within(step: Step, namespace: string): Step {
  if (step.kind === 'pause') return step;
  if (step.kind !== 'fault') return { ...step, steps: step.steps.map((inner) => within(inner, namespace)) };
  const { selector } = step.target;
  const isPlaced = selector.kind === 'node' || selector.namespaces !== undefined || selector.pods !== undefined;
  const placed: FaultStep = {
    ...step,
    target: { ...step.target, selector: isPlaced ? selector : { ...selector, namespaces: namespace } },
  };
  return placed;
}

function gates(steps: readonly Step[], prefix: string): readonly { probe: { id: string }; path: string }[] {
  return steps.flatMap((step, index) => {
    const path = `${prefix}[${index}]`;
    const own = step.when ? [{ probe: step.when.probe, path: `${path}.when.probe` }] : [];
    const inner = step.kind === 'serial' || step.kind === 'parallel' ? gates(step.steps, `${path}.${step.kind}`) : [];
    return [...own, ...inner];
  });
}
