import { compilePattern, patternPrefix } from '../../core/pattern.ts';
import type { KubernetesSelector } from './selector.ts';
import { list } from './selector.ts';
import type { Meta, Node, Pod } from './types.ts';

const isPlain = (text: string) => !text.startsWith(patternPrefix);

/** What the API server is asked to filter by; what it cannot is left to the functions below. */
export interface Query {
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

/**
 * Labels and expressions, and for pods fields, phase, node and, where one alone is named in this namespace, its name, as
 * far as the API server understands them.
 */
export function queryOf(selector: KubernetesSelector, namespace?: string): Query {
  const labels = [
    ...Object.entries(selector.labels ?? {})
      .filter(([, value]) => isPlain(value))
      .map(([key, value]) => `${key}=${value}`),
    ...(selector.expressions ?? []).map(({ key, operator, values = [] }) => {
      if (operator === 'Exists') return key;
      if (operator === 'DoesNotExist') return `!${key}`;
      return `${key} ${operator === 'In' ? 'in' : 'notin'} (${values.join(',')})`;
    }),
  ];
  const fields = (selector.kind ?? 'pod') === 'pod' ? podFields(selector, namespace) : [];
  return {
    ...(labels.length > 0 ? { labelSelector: labels.join(',') } : {}),
    ...(fields.length > 0 ? { fieldSelector: fields.join(',') } : {}),
  };
}

function podFields(selector: KubernetesSelector, namespace: string | undefined): readonly string[] {
  const given = Object.entries(selector.fields ?? {});
  const [phase, ...phases] = phasesOf(selector);
  const [node, ...nodes] = list(selector.nodes);
  const [name, ...names] = list(namespace === undefined ? undefined : selector.pods?.[namespace]);
  return [
    ...given.map(([name, value]) => `${name}=${escaped(value)}`),
    ...(phase !== undefined && phases.length === 0 ? [`status.phase=${phase}`] : []),
    ...(node !== undefined && nodes.length === 0 && isPlain(node) ? [`spec.nodeName=${escaped(node)}`] : []),
    ...(name !== undefined && names.length === 0 ? [`metadata.name=${escaped(name)}`] : []),
  ];
}

/** Running, unless the selector says otherwise; empty: the fields say it. */
function phasesOf({ phases, fields }: KubernetesSelector): readonly string[] {
  if (phases !== undefined) return list(phases);
  return fields && 'status.phase' in fields ? [] : ['Running'];
}

const escaped = (value: string) => value.replace(/[\\,=]/g, (char) => `\\${char}`);

/** Labels and annotations with patterns, and exact ones again: whatever the server made of it. */
export function compileMeta({ labels, annotations }: KubernetesSelector): (meta: Meta) => boolean {
  const tests = (given: Readonly<Record<string, string>> | undefined) =>
    Object.entries(given ?? {}).map(([key, value]) => ({ key, fits: compilePattern(value) }));
  const ofLabels = tests(labels);
  const ofAnnotations = tests(annotations);
  return (meta) =>
    ofLabels.every(({ key, fits }) => has(meta.labels, key, fits)) &&
    ofAnnotations.every(({ key, fits }) => has(meta.annotations, key, fits));
}

const has = (of: Readonly<Record<string, string>> | undefined, key: string, fits: (text: string) => boolean): boolean =>
  of !== undefined && Object.hasOwn(of, key) && fits(of[key] ?? '');

/** What is known of the rest of the cluster when pods are looked at. */
export interface Beside {
  /** Names of nodes that `nodeLabels` leaves; undefined: all. */
  readonly nodes?: ReadonlySet<string> | undefined;
  /** Owners that belong to the selector's owner, `ReplicaSet shop/web-5f7`; undefined: none. */
  readonly owners?: ReadonlySet<string> | undefined;
}

/** Whether a listed pod is meant. One that is about to be deleted never is. */
export function compilePod(selector: KubernetesSelector, beside: Beside = {}): (pod: Pod) => boolean {
  const fitsMeta = compileMeta(selector);
  const phases = phasesOf(selector);
  const nodes = list(selector.nodes).map(compilePattern);
  const { pods, owner } = selector;
  return ({ metadata, spec, status }) => {
    if (metadata.deletionTimestamp !== undefined || !fitsMeta(metadata)) return false;
    if (phases.length > 0 && !phases.includes(status?.phase ?? 'Unknown')) return false;
    const node = spec.nodeName ?? '';
    if (nodes.length > 0 && !nodes.some((fits) => fits(node))) return false;
    if (beside.nodes && !beside.nodes.has(node)) return false;
    const namespace = metadata.namespace ?? '';
    if (pods && !list(pods[namespace]).includes(metadata.name)) return false;
    if (!owner) return true;
    if (owner.namespace !== undefined && owner.namespace !== namespace) return false;
    return (metadata.ownerReferences ?? []).some(
      ({ kind, name }) =>
        (kind.toLowerCase() === owner.kind.toLowerCase() && name === owner.name) ||
        beside.owners?.has(`${kind} ${namespace}/${name}`) === true,
    );
  };
}

/** Containers of a pod that the selector names, in the pod's order. */
export function containersOf(pod: Pod, { containers }: KubernetesSelector): readonly string[] {
  const fits = list(containers).map(compilePattern);
  const running = [
    ...(pod.spec.initContainers ?? []).filter((each) => each.restartPolicy === 'Always'),
    ...pod.spec.containers,
  ];
  return running.map(({ name }) => name).filter((name) => fits.some((test) => test(name)));
}

/** Whether a node is meant. */
export function compileNode(selector: KubernetesSelector): (node: Node) => boolean {
  const fitsMeta = compileMeta(selector);
  const names = list(selector.nodes).map(compilePattern);
  return ({ metadata }) => fitsMeta(metadata) && (names.length === 0 || names.some((fits) => fits(metadata.name)));
}

/** The namespaces that are asked; undefined: all of the cluster. */
export function namespacesOf(selector: KubernetesSelector, usual: string): readonly string[] | undefined {
  const { namespaces, pods, owner } = selector;
  if (namespaces !== undefined) {
    const given = list<string>(namespaces);
    return given.includes('*') ? undefined : [...new Set(given)].sort();
  }
  if (pods) return Object.keys(pods).sort();
  return [owner?.namespace ?? usual];
}

/** What stands in for each other: the workload behind a pod. A ReplicaSet of a Deployment counts as the Deployment. */
export function groupOf({ namespace = '', labels, ownerReferences }: Meta): string | undefined {
  const owner = ownerReferences?.find(({ controller }) => controller) ?? ownerReferences?.[0];
  if (!owner) return undefined;
  const hash = labels?.['pod-template-hash'];
  const ofDeployment = owner.kind === 'ReplicaSet' && hash !== undefined && owner.name.endsWith(`-${hash}`);
  if (ofDeployment) return `${namespace}/deployment/${owner.name.slice(0, -hash.length - 1)}`;
  return `${namespace}/${owner.kind.toLowerCase()}/${owner.name}`;
}
