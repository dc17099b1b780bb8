import type { ChaosDocument } from '../../compat/chaos-mesh/index.ts';
import { chaosKinds } from '../../compat/chaos-mesh/kinds/blocks.ts';
import type { KindInfo } from '../kinds.ts';
import { allKinds, kindOf } from '../kinds.ts';

/** What somebody must be allowed to create, and where, to do what a document does. `null`: in the whole cluster. */
export interface Affected {
  readonly kind: KindInfo;
  readonly namespace: string | null;
}

const pods: KindInfo = { group: '', version: 'v1', kind: 'Pod', plural: 'pods' };

type Raw = Readonly<Record<string, unknown>>;

/** Every namespace that documents of Chaos Mesh reach into, by kind. */
export function affectedBy(documents: readonly ChaosDocument[]): readonly Affected[] {
  const found = documents.flatMap((document) => {
    const kind = kindOf(document);
    return kind ? inSpec(kind, document.spec as Raw, document.metadata.namespace) : [];
  });
  return [...new Map(found.map((each) => [`${each.kind.plural} ${each.namespace}`, each])).values()];
}

function inSpec(kind: KindInfo, spec: Raw, own: string): readonly Affected[] {
  const here: Affected = { kind, namespace: own };
  const ends = [spec.selector, (spec.target as Raw | undefined)?.selector].filter((each) => each !== undefined);
  const places = ends
    .flatMap((selector) => namespacesOf(selector as Raw, own))
    .map((namespace) => ({ kind, namespace }));
  const templates = Array.isArray(spec.templates) ? (spec.templates as Raw[]) : [];
  const inner = [spec, ...templates].flatMap((map) =>
    chaosKinds.flatMap(({ block = '', kind: name }) => {
      const found = allKinds.find((each) => each.kind === name);
      const inside = map[block] as Raw | undefined;
      return found && inside ? inSpec(found, inside, own) : [];
    }),
  );
  // A Workflow that runs pods takes the right to make them.
  const tasks = templates.some(({ task }) => task !== undefined) ? [{ kind: pods, namespace: own }] : [];
  const deeper = [spec.workflow, ...templates.map(({ schedule }) => schedule)]
    .filter((each) => each !== null && typeof each === 'object')
    .flatMap((each) => inSpec(kind, each as Raw, own));
  return [here, ...places, ...inner, ...tasks, ...deeper];
}

function namespacesOf(selector: Raw, own: string): readonly string[] {
  const pods = Object.keys((selector.pods as Raw | undefined) ?? {});
  if (pods.length > 0) return pods;
  const given = selector.namespaces as readonly string[] | undefined;
  return given?.length ? given : [own];
}
