import type { FaultStep, JsonObject, Mode, TargetSpec } from '../../core/model.ts';
import type { SelectorSpec } from './selector.ts';

/** Pods by name, by namespace. */
export type Pods = Readonly<Record<string, readonly string[]>>;

/** Pods that were chosen already, at each end. Then everything is about these, and no mode draws any more. */
export interface Chosen {
  readonly source: Pods;
  readonly target?: Pods;
}

/** A selector of Chaos Mesh as one of the platform `kubernetes`; what was not given is left out. */
export function selectorOf(given: SelectorSpec, containers: readonly string[] = []): JsonObject {
  const { pods } = given;
  if (pods && Object.keys(pods).length > 0) return podsOf(pods, containers);
  const parts: Readonly<Record<string, unknown>> = {
    namespaces: given.namespaces,
    labels: given.labelSelectors,
    expressions: given.expressionSelectors?.map(({ key, operator, values = [] }) => ({ key, operator, values })),
    annotations: given.annotationSelectors,
    fields: given.fieldSelectors,
    phases: phasesOf(given.podPhaseSelectors),
    nodes: given.nodes,
    nodeLabels: given.nodeSelectors,
    containers,
  };
  return Object.fromEntries(
    Object.entries(parts).filter(([, part]) => Object.keys(part ?? {}).length > 0),
  ) as JsonObject;
}

const phases = ['Pending', 'Running', 'Succeeded', 'Failed', 'Unknown'];

/** Any of these; `!Running` stands for all others. */
const phasesOf = (given: readonly string[] = []): readonly string[] =>
  phases.filter((phase) => given.some((each) => (each.startsWith('!') ? each.slice(1) !== phase : each === phase)));

/** Exactly these pods. */
export function podsOf(pods: Pods, containers: readonly string[] = []): JsonObject {
  return { namespaces: Object.keys(pods), pods, ...(containers.length > 0 ? { containers } : {}) };
}

/** On the platform `kubernetes`. */
export const onPods = (selector: JsonObject): TargetSpec => ({ platform: 'kubernetes', selector });

/** `mode` and `value` as ours: a value only where the mode counts with it. */
export function modeOf({
  mode,
  value,
}: {
  readonly mode: Mode;
  readonly value?: string | undefined;
}): Pick<FaultStep, 'mode' | 'value'> {
  return mode === 'one' || mode === 'all' ? { mode } : { mode, value: Number(value) };
}
