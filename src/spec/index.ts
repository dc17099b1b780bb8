/**
 * The reader of documents: YAML or JSON text in, validated experiments and schedules with exact places out. Plans are
 * read by ./plan.ts, the JSON Schema is made by ./json-schema.ts: both load more than a reader needs.
 */
export type { Door, DoorProblem, DoorReader, DoorReading } from './door.ts';
export { contents, loadFile, loadFiles, loadOrThrow } from './load.ts';
export { formatPath, formatProblems, type Path, type Problem } from './problem.ts';
export {
  type Document,
  invalid,
  type Position,
  parseExperiment,
  type Reading,
  readDocuments,
  readValue,
} from './read.ts';
export { type Registries, registries } from './vocabulary.ts';
