import { crd } from '../../spec/kubernetes/crd.ts';
import { anything, type Structural, structural, without } from '../../spec/kubernetes/structural.ts';
import { acceptedSpec, type Kind } from './kind.ts';
import { chaosKinds } from './kinds/blocks.ts';
import { kinds } from './kinds/index.ts';
import { ioChaos } from './kinds/io-chaos.ts';

const paths: Readonly<Record<string, string>> = { action: '.spec.action', duration: '.spec.duration' };

/** The kind of v1.x beside the one of v2, from which it differs in the case of one letter: its other names must differ. */
const oldIoChaos: Kind = { ...ioChaos, kind: 'IoChaos', plural: 'oldiochaos', summary: 'IOChaos as v1.x wrote it.' };

/** Of every kind that chooses pods. */
const valueRule = {
  rule: "self.mode in ['one', 'all'] || (has(self.value) && self.value != '')",
  message: 'this mode needs a value: a count for fixed, a percentage for the percent modes',
  fieldPath: '.value',
};

/** The kinds of chaos-mesh.org as Kubernetes knows them: fields of v2, and those of v1.x that are read too. */
export const chaosMeshCrds = (): readonly Readonly<Record<string, unknown>>[] => [...kinds, oldIoChaos].map(crdOf);

function crdOf(kind: Kind): Readonly<Record<string, unknown>> {
  const { plural, shortNames, summary, columns = [] } = kind;
  const spec = slim(structural(acceptedSpec(kind)));
  const rules = [...('selector' in kind.spec.shape ? [valueRule] : []), ...(kind.cel ?? [])];
  return crd({
    ...{ group: 'chaos-mesh.org', version: 'v1alpha1', kind: kind.kind, plural, summary },
    ...(kind === oldIoChaos ? { singular: plural } : {}),
    ...(shortNames ? { shortNames } : {}),
    spec: rules.length > 0 ? { ...spec, 'x-kubernetes-validations': rules } : spec,
    ...(kind.kind === 'Schedule'
      ? {
          rules: [
            { rule: 'self.metadata.name.size() <= 57', message: 'the name of a Schedule has at most 57 characters' },
          ],
        }
      : {}),
    ...(columns.length > 0
      ? { columns: columns.map((name) => ({ name, type: 'string' as const, jsonPath: paths[name] ?? '' })) }
      : {}),
  });
}

const blocks = new Set(chaosKinds.map(({ block }) => block ?? ''));

/**
 * Blocks inside a Schedule and a Workflow are those of kinds that stand elsewhere with their descriptions; a Schedule
 * inside a Workflow leaves them to the operator.
 */
function slim(spec: Structural, inSchedule = false): Structural {
  const parts = Object.entries((spec.properties ?? {}) as Readonly<Record<string, Structural>>);
  if (parts.length === 0) return spec.items ? { ...spec, items: slim(spec.items as Structural) } : spec;
  const properties = parts.map(([name, part]): readonly [string, Structural] => {
    if (blocks.has(name)) return [name, inSchedule ? { type: 'object', ...anything } : without(part, 'description')];
    if (name === 'templates') return [name, slim(part)];
    return [name, name === 'schedule' ? slim(part, true) : part];
  });
  return { ...spec, properties: Object.fromEntries(properties) };
}
