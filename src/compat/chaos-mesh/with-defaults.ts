import { apiVersion, type ChaosDocument, type ChaosMetadata } from './document.ts';
import { chaosKinds } from './kinds/blocks.ts';
import { kinds } from './kinds/index.ts';
import { WorkflowSpec } from './kinds/workflow.ts';
import { mapOf, type Raw } from './say.ts';

/** A sound document of v2 with everything filled in that Chaos Mesh fills in. Throws for one that is not sound. */
export function withDefaults(document: Raw, namespace: string): ChaosDocument {
  const kind = kinds.find((each) => each.kind === document.kind);
  if (!kind) throw new Error(`no kind ${document.kind}`);
  const metadata = metadataOf(mapOf(document.metadata) ?? {}, namespace);
  const parsed = kind.spec.parse(document.spec) as Raw;
  const { workflow } = parsed;
  const spec = workflow === undefined ? parsed : { ...parsed, workflow: WorkflowSpec.parse(workflow) };
  return { apiVersion, kind: kind.kind, metadata, spec: inNamespace(spec, metadata.namespace) } as ChaosDocument;
}

function metadataOf(given: Raw, namespace: string): ChaosMetadata {
  const { labels, annotations } = given as Partial<ChaosMetadata>;
  const some = (map: ChaosMetadata['labels']) => map !== undefined && map !== null && Object.keys(map).length > 0;
  return {
    name: String(given.name ?? given.generateName),
    namespace: typeof given.namespace === 'string' && given.namespace ? given.namespace : namespace,
    ...(labels && some(labels) ? { labels } : {}),
    ...(annotations && some(annotations) ? { annotations } : {}),
  };
}

const blocks = chaosKinds.map(({ block = '' }) => block);

/** Every selector without namespaces gets that of the object, also inside of blocks. */
function inNamespace(spec: Raw, namespace: string): Raw {
  const filled: Record<string, unknown> = { ...spec };
  const selector = mapOf(spec.selector);
  if (selector && !(selector.namespaces as unknown[] | undefined)?.length) {
    filled.selector = { ...selector, namespaces: [namespace] };
  }
  for (const key of ['target', 'schedule', 'workflow', ...blocks]) {
    const inner = mapOf(spec[key]);
    if (inner) filled[key] = inNamespace(inner, namespace);
  }
  if (Array.isArray(spec.templates))
    filled.templates = spec.templates.map((each) => inNamespace(mapOf(each) ?? {}, namespace));
  return filled;
}
