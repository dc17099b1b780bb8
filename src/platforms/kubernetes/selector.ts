import { z } from 'zod';
import { Pattern } from '../../core/pattern.ts';

const Text = z.string().min(1, 'must not be empty');
const Given = Pattern.min(1, 'must not be empty');
const oneOrMore = <T extends z.ZodType>(item: T, what: string) =>
  z.union([item, z.array(item).min(1, `the list is empty: write ${what}`)], {
    error: `write ${what}, or a list of them`,
  });
const pairs = (what: string) => z.record(Text, Pattern, { error: `write names and values, like ${what}` });

const dnsName = /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/;
const Name = z.string().regex(dnsName, 'not a name in Kubernetes: small letters, digits, - and . only');
const labelKey = /^([a-z0-9]([a-z0-9.-]*[a-z0-9])?\/)?[A-Za-z0-9]([\w.-]*[A-Za-z0-9])?$/;
const LabelKey = z.string().regex(labelKey, 'not the name of a label');
const labelValue = /^([A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?)?$/;

export const kinds = ['pod', 'node', 'deployment', 'statefulset', 'replicaset'] as const;
/** What kind of object a target is. */
export type Kind = (typeof kinds)[number];

const Expression = z
  .strictObject({
    key: LabelKey.describe('Name of the label.'),
    operator: z.enum(['In', 'NotIn', 'Exists', 'DoesNotExist']).describe('How it is compared.'),
    values: z.array(z.string().regex(labelValue, 'not the value of a label')).optional().describe('For In and NotIn.'),
  })
  .superRefine(({ operator, values }, context) => {
    const needs = operator === 'In' || operator === 'NotIn';
    if (needs && !values?.length) {
      context.addIssue({ code: 'custom', path: ['values'], message: `${operator} needs at least one value` });
    }
    if (!needs && values?.length) {
      context.addIssue({ code: 'custom', path: ['values'], message: `${operator} takes no values` });
    }
  });

/** Fields of a pod that the API server can filter by. */
const fieldNames = [
  'metadata.name',
  'metadata.namespace',
  'spec.nodeName',
  'spec.restartPolicy',
  'spec.schedulerName',
  'spec.serviceAccountName',
  'status.phase',
  'status.podIP',
  'status.nominatedNodeName',
] as const;

/** Keys that only mean something for pods. */
const ofPods = ['phases', 'nodes', 'nodeLabels', 'pods', 'owner', 'containers'] as const;
/** Keys that say where and how to look, not for what. */
const notFilters: readonly string[] = ['kind', 'context', 'kubeconfig', 'optIn', 'agentImage', 'agentNamespace'];

/**
 * The `target: { kubernetes: … }` part of a document. All given keys must match; a list means any of its entries. Text
 * values are exact, or `re2:` and RE2 syntax. Output is the same JSON as the input.
 */
export const KubernetesSelector = z
  .strictObject({
    kind: z
      .enum(kinds)
      .optional()
      .describe('What a target is. Default pod; with `containers`, a container of a pod is.'),
    namespaces: oneOrMore(z.union([Name, z.literal('*')]), 'a namespace')
      .optional()
      .describe('Namespaces; "*" means all. Default: the one of the context.'),
    labels: pairs('{ app: shop }').optional().describe('Labels; all must match.'),
    expressions: z
      .array(Expression)
      .optional()
      .describe('Conditions on labels, as in matchExpressions; all must hold.'),
    annotations: pairs('{ team: shop }').optional().describe('Annotations; all must match.'),
    fields: z
      .partialRecord(z.enum(fieldNames), z.string(), { error: `fields are ${fieldNames.join(', ')}` })
      .optional()
      .describe('Fields, exactly.'),
    phases: oneOrMore(z.enum(['Pending', 'Running', 'Succeeded', 'Failed', 'Unknown']), 'a phase')
      .optional()
      .describe('Phases of the pod. Default Running.'),
    nodes: oneOrMore(Given, 'the name of a node')
      .optional()
      .describe('Nodes that the pod is on; with `kind: node`, the nodes themselves.'),
    nodeLabels: pairs('{ zone: a }').optional().describe('Labels of the node that the pod is on; all must match.'),
    pods: z.record(Name, oneOrMore(Name, 'the name of a pod')).optional().describe('Pods by name, for each namespace.'),
    owner: z
      .strictObject({
        kind: Text.describe('Its kind, e.g. Deployment, StatefulSet, DaemonSet, Job.'),
        name: Name.describe('Its name.'),
        namespace: Name.optional().describe('Its namespace. Default: all that are looked at.'),
      })
      .optional()
      .describe('What the pod belongs to, directly or through a ReplicaSet or Job.'),
    containers: oneOrMore(Given, 'the name of a container')
      .optional()
      .describe('Containers of the pods: each becomes a target of its own.'),
    optIn: z
      .boolean()
      .optional()
      .describe('true: only namespaces that are annotated or labelled zashiki.dev/inject: enabled. Default false.'),
    context: Text.optional().describe('Context of the kubeconfig. Default: the current one.'),
    kubeconfig: Text.optional().describe(
      'The kubeconfig. Default: KUBECONFIG, ~/.kube/config, else the pod’s own account.',
    ),
    agentImage: Text.optional().describe(
      'Image of the agent that is started on a node where none is installed. Default zashiki/zashiki of this version.',
    ),
    agentNamespace: Name.optional().describe('Namespace of that agent. Default zashiki.'),
  })
  .superRefine((given, context) => {
    const said = Object.entries(given).filter(([key, value]) => value !== undefined && !notFilters.includes(key));
    // A misspelled key is an issue already; it is dropped here, so nothing may be left.
    if (said.length === 0 && context.issues.length === 0) {
      const message =
        given.kind === 'node'
          ? 'says nothing, so it would match every node: write for example `nodes: n1` or `labels: { zone: a }`'
          : 'says nothing, so it would match everything in the namespace: write for example `labels: { app: shop }`, or `namespaces: shop` for all in there';
      context.addIssue({ code: 'custom', message });
    }
    const { kind = 'pod' } = given;
    if (kind === 'pod') return;
    for (const key of ofPods) {
      if (given[key] === undefined || (kind === 'node' && key === 'nodes')) continue;
      const message =
        kind === 'node' && key === 'nodeLabels'
          ? 'for nodes themselves write `labels`'
          : `is for pods, not for a ${kind}`;
      context.addIssue({ code: 'custom', path: [key], message });
    }
    for (const key of ['fields', 'optIn', 'namespaces'] as const) {
      if (given[key] === undefined || (kind !== 'node' && key !== 'fields')) continue;
      const message = `is not for a ${kind}`;
      context.addIssue({ code: 'custom', path: [key], message });
    }
  })
  .meta({ title: 'kubernetes selector', description: 'Which objects of a cluster; all given keys must match.' });

export type KubernetesSelector = z.output<typeof KubernetesSelector>;

/** A value that may be one or a list, as a list. */
export const list = <T>(given: T | readonly T[] | undefined): readonly T[] =>
  given === undefined ? [] : Array.isArray(given) ? (given as readonly T[]) : [given as T];
