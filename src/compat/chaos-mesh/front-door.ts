import { isError } from '../../core/errors.ts';
import type { DoorReader } from '../../spec/door.ts';
import { formatPath } from '../../spec/problem.ts';
import type { Document, Position, Source } from '../../spec/read.ts';
import { type ChaosDocument, isExperiment } from './document.ts';
import { toExperiment } from './experiment.ts';
import { chaosKind } from './kinds/blocks.ts';
import { readChaos } from './read.ts';
import { firesAtOnce, isPaused, toSchedule } from './schedule.ts';

/** Read a document of Chaos Mesh for `zashiki validate`, `plan`, `run` and `serve`. */
export const readAtDoor: DoorReader = (value, position, _from, locate) => {
  const read = readChaos(value);
  if (read.findings) return { documents: [], problems: read.findings };
  const notes = read.notes.map(({ path, message }) => ({
    ...{ file: position.file, ...locate(path, 'key'), path: formatPath(path), message },
  }));
  const { kind } = value as { readonly kind: string };
  const documents = read.documents.map((document) => {
    const source = { kind, name: document.metadata.name, notes };
    return asOurs(document, position, source);
  });
  return { documents, problems: [] };
};

const foreign = (position: Position, source: Source, why: string): Document => ({
  kind: 'Foreign',
  position,
  source,
  why,
});

/** As a document that can be run from here, or why it cannot. */
function asOurs(document: ChaosDocument, position: Position, source: Source): Document {
  if (document.kind === 'Workflow' || document.kind === 'StatusCheck') {
    return foreign(
      position,
      source,
      `a ${document.kind} is for the operator: zashiki install kubernetes, then kubectl apply`,
    );
  }
  try {
    if (document.kind === 'Schedule') {
      const message = 'here the first round comes when the first interval is over: at once is for the operator';
      const late = firesAtOnce(document) ? [{ file: position.file, path: 'spec.scheduler', message }] : [];
      return {
        kind: 'Schedule',
        schedule: toSchedule(document),
        position,
        source: { ...source, notes: [...source.notes, ...late] },
      };
    }
    if (isPaused(document))
      return foreign(position, source, 'an annotation pauses it: remove the annotation to run it');
    if (isExperiment(document) && document.spec.duration === undefined && lasts(document)) {
      return foreign(
        position,
        source,
        'without a duration it lasts until the object is deleted in a cluster: add spec.duration to run it from here',
      );
    }
    return { kind: 'Experiment', experiment: toExperiment(document), position, source };
  } catch (error) {
    if (!isError(error, 'not-available')) throw error;
    return foreign(position, source, error.hint ? `${error.message}; ${error.hint}` : error.message);
  }
}

const lasts = ({ kind, spec }: ChaosDocument): boolean =>
  !chaosKind(kind)?.oneShot?.(spec as Readonly<Record<string, unknown>>);
