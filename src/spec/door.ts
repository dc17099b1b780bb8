import type { ErrorCode } from '../core/errors.ts';
import type { Json } from '../core/model.ts';
import type { Path } from './problem.ts';
import type { Document, Position } from './read.ts';
import type { SourceDocument } from './source.ts';
import type { Registries } from './vocabulary.ts';

/** Something that is wrong with another tool's document, or not to be had. */
export interface DoorProblem {
  readonly path: Path;
  readonly message: string;
  readonly on: 'value' | 'key';
  readonly code: ErrorCode;
}

/** What another tool's document comes to. */
export interface DoorReading {
  readonly documents: readonly Document[];
  readonly problems: readonly DoorProblem[];
}

/** `locate` finds parts of the document in the text, for notes. */
export type DoorReader = (
  value: Json,
  position: Position,
  from: Registries,
  locate: SourceDocument['locate'],
) => DoorReading;

/** A way in for another tool's documents, by their `apiVersion`. */
export interface Door {
  readonly accepts: (apiVersion: string) => boolean;
  /** Its reader, loaded when such a document is met. The reader never throws. */
  readonly load: () => Promise<DoorReader>;
}
