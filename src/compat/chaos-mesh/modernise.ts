import type { Path } from '../../spec/problem.ts';
import { apiVersion, firstRunAnnotation, pauseAnnotation } from './document.ts';
import type { Kind } from './kind.ts';
import { modernIo } from './modernise-io.ts';
import { isGiven, listOf, mapOf, type Raw } from './say.ts';

/** What was read in another way than it was written, and where. */
export interface Note {
  readonly path: Path;
  readonly message: string;
}

/** Documents in the form of v2, and what was rewritten for it. */
export interface Modern {
  readonly documents: readonly Raw[];
  readonly notes: readonly Note[];
}

/**
 * A sound document of v0.8, v1.x or v2 in the form of v2; one that is already v2 stays as it is, without notes. Two
 * documents come of an IoChaos with the action `mixed`. Pure: the given document is not changed.
 */
export function modernise(document: Raw, kind: Kind): Modern {
  const notes: Note[] = [];
  const note = (path: Path, message: string) => notes.push({ path, message });
  if (document.apiVersion !== apiVersion) note(['apiVersion'], `${document.apiVersion} is read as ${apiVersion}`);
  if (document.kind !== kind.kind) note(['kind'], `${document.kind} is read as ${kind.kind}`);
  const { metadata: given, spec: old, ...rest } = document;
  const { scheduler, paused, nextStart, nextRecover, containerName, scope, ...spec } = mapOf(old) ?? {};
  let metadata = mapOf(given) ?? {};

  if (isGiven(containerName) && listOf(spec.containerNames).length === 0) {
    note(['spec', 'containerName'], `read as containerNames: [${containerName}]`);
    Object.assign(spec, { containerNames: [containerName] });
  }
  if (paused !== undefined) {
    note(['spec', 'paused'], paused === true ? `read as the annotation ${pauseAnnotation}: "true"` : 'left out');
    if (paused === true) metadata = annotated(metadata, { [pauseAnnotation]: 'true' });
  }
  for (const [key, value] of Object.entries({ nextStart, nextRecover })) {
    if (value !== undefined) note(['spec', key], 'left out: when the next round comes is worked out anew');
  }
  if (isGiven(scope)) note(['spec', 'scope'], 'read as no patterns: all names');

  const specs = kind.kind === 'IOChaos' ? modernIo(spec, note) : [{ suffix: '', spec }];
  const cron = mapOf(scheduler)?.cron;
  const documents = specs.map(({ suffix, spec: each }) => {
    const named = suffix ? { ...metadata, name: `${metadata.name}-${suffix}` } : metadata;
    const one = { ...rest, apiVersion, kind: kind.kind, metadata: named, spec: each };
    return typeof cron === 'string' && kind.block ? scheduled(one, kind, cron, note) : one;
  });
  return { documents, notes };
}

/** The Schedule that a document with `scheduler.cron` is. */
function scheduled(document: Raw, kind: Kind, cron: string, note: (path: Path, message: string) => void): Raw {
  const { duration, ...spec } = mapOf(document.spec) ?? {};
  const oneShot = kind.oneShot?.(spec) ?? false;
  if (oneShot && duration !== undefined) note(['spec', 'duration'], `left out: ${spec.action} is over at once`);
  const atOnce = /^((CRON_)?TZ=\S+\s+)?@every\s/.test(cron.trim());
  note(
    ['spec', 'scheduler'],
    `read as a Schedule of ${kind.kind} at "${cron}"${atOnce ? ', the first time at once (by the operator)' : ''}`,
  );
  const metadata = mapOf(document.metadata) ?? {};
  return {
    ...document,
    kind: 'Schedule',
    metadata: atOnce ? annotated(metadata, { [firstRunAnnotation]: 'at-once' }) : metadata,
    spec: {
      schedule: cron,
      type: kind.kind,
      concurrencyPolicy: 'Forbid',
      [kind.block ?? '']: { ...spec, ...(oneShot || duration === undefined ? {} : { duration }) },
    },
  };
}

const annotated = (metadata: Raw, more: Raw): Raw => ({
  ...metadata,
  annotations: { ...(mapOf(metadata.annotations) ?? {}), ...more },
});
