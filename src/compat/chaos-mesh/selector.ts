import { z } from 'zod';
import { type Path, show } from '../../spec/problem.ts';
import { Name, Text } from './fields.ts';
import { mapOf, type Raw, type Say } from './say.ts';

/** Which pods, and how many of them: what every kind for pods has in common. */

const labelKey = /^([a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const labelValue = /^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;

const Key = z
  .string()
  .regex(labelKey, 'not the key of a label: write name or prefix/name, such as app.kubernetes.io/component');
const Value = Text.regex(labelValue, 'not the value of a label: letters, digits, "-", "_" and ".", at most 63');
const Labels = z.record(Key, Value);

const fieldKeys = [
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

const Fields = z.strictObject(Object.fromEntries(fieldKeys.map((key) => [key, Text.optional()])));

const Expression = z.strictObject({
  key: Key.describe('The key of a label.'),
  operator: z.enum(['In', 'NotIn', 'Exists', 'DoesNotExist']),
  values: z.array(Value).optional().describe('For In and NotIn.'),
});

/** `selector` of any kind for pods. */
export const Selector = z.strictObject({
  namespaces: z.array(Name).optional().describe('Default: the namespace of the object itself.'),
  labelSelectors: Labels.optional().describe('Labels that a pod must have.'),
  expressionSelectors: z.array(Expression).optional().describe('Expressions that must hold for its labels.'),
  annotationSelectors: Labels.optional().describe('Annotations that a pod must have.'),
  fieldSelectors: Fields.optional().describe('Fields that a pod must have.'),
  podPhaseSelectors: z
    .array(
      Text.regex(
        /^!?(Pending|Running|Succeeded|Failed|Unknown)$/,
        'not a phase: Pending, Running, Succeeded, Failed or Unknown, with ! in front for all but it',
      ),
    )
    .optional()
    .describe('Any of these phases.'),
  nodes: z.array(Name).optional().describe('Pods on these nodes.'),
  nodeSelectors: Labels.optional().describe('Pods on nodes with these labels, besides those of nodes.'),
  pods: z
    .record(Name, z.array(Name))
    .optional()
    .describe('These very pods, by namespace; then nothing else of the selector counts.'),
});

export type SelectorSpec = z.output<typeof Selector>;

export const modes = ['one', 'all', 'fixed', 'fixed-percent', 'random-max-percent'] as const;

/** A selector, and how many of its pods. */
export const podShape = {
  selector: Selector,
  mode: z.enum(modes).describe('How many of the pods.'),
  value: Text.optional().describe('For fixed a count, for the percent modes a percentage; a number in quotes.'),
};

/** Which containers of the pod. */
export const containerShape = {
  containerNames: z.array(Name).optional().describe('Default: the first container of the pod.'),
};

/** What `mode` and `value` say together, and what the operators of a selector need. */
export function checkPods(at: Raw, path: Path, say: Say): void {
  checkValue(at.mode, at.value, [...path, 'value'], say);
  const selector = mapOf(at.selector);
  const expressions = selector?.expressionSelectors;
  if (!Array.isArray(expressions)) return;
  for (const [i, each] of expressions.entries()) {
    const { operator, values } = mapOf(each) ?? {};
    const here = [...path, 'selector', 'expressionSelectors', i, 'values'];
    const has = Array.isArray(values) && values.length > 0;
    if ((operator === 'In' || operator === 'NotIn') && !has) say(here, `${operator} needs at least one value`);
    if ((operator === 'Exists' || operator === 'DoesNotExist') && has) {
      say(here, `${operator} takes no values: remove them, or use In`, { on: 'key' });
    }
  }
}

function checkValue(mode: unknown, value: unknown, path: Path, say: Say): void {
  if (mode === 'fixed') {
    const fix = 'mode fixed needs how many pods, a whole number from 1 in quotes, such as "2"';
    if (value === undefined || value === '') say(path, `missing: ${fix}`);
    else if (typeof value === 'string' && !/^0*[1-9]\d*$/.test(value)) say(path, `${fix}; not ${show(value)}`);
  } else if (mode === 'fixed-percent' || mode === 'random-max-percent') {
    const fix = `mode ${mode} needs a percentage, a whole number from 1 to 100 in quotes, such as "50"`;
    if (value === undefined || value === '') say(path, `missing: ${fix}`);
    else if (typeof value === 'string' && !(/^\d{1,3}$/.test(value) && Number(value) >= 1 && Number(value) <= 100)) {
      say(path, `${fix}; not ${show(value)}`);
    }
  }
}
