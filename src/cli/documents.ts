import { chaosMeshDoor } from '../compat/chaos-mesh/door.ts';
import { ZashikiError } from '../core/errors.ts';
import type { Experiment } from '../core/model.ts';
import { type Document, loadOrThrow, type Registries, registries } from '../spec/index.ts';
import { usage } from './context.ts';

/** All that a file may hold: our documents, and those of other tools. */
export const everyDocument: Registries = { ...registries, doors: [chaosMeshDoor] };

/** A document of ours, or one of another tool that became one. */
export type Runnable = Exclude<Document, { kind: 'Foreign' }>;

/** The documents of these files. Throws `document-invalid`, and `not-available` for one that cannot be run from here. */
export async function loadRunnable(paths: readonly string[]): Promise<readonly Runnable[]> {
  const documents = await loadOrThrow(paths, everyDocument);
  return documents.map((document) => {
    if (document.kind !== 'Foreign') return document;
    const { source, why, position } = document;
    throw new ZashikiError('not-available', `${position.file}:${position.line}: ${source.kind} ${source.name}: ${why}`);
  });
}

/** The experiments of these files (`-` is standard input). Throws for a file that holds none, or a schedule. */
export async function loadExperiments(paths: readonly string[]): Promise<readonly Experiment[]> {
  if (paths.length === 0) throw usage('no file was named', 'for example: zashiki run experiment.yaml');
  const documents = await loadRunnable(paths);
  return documents.map((document) => {
    if (document.kind === 'Experiment') return document.experiment;
    throw new ZashikiError('usage', `${document.position.file}: a Schedule runs in the daemon`, {
      hint: `start it with: zashiki serve ${document.position.file}`,
    });
  });
}

/** The only experiment of these files; more than one is an error. */
export async function loadExperiment(path: string): Promise<Experiment> {
  const [experiment, ...more] = await loadExperiments([path]);
  if (!experiment) throw usage(`${path} holds no experiment`);
  if (more.length > 0)
    throw usage(`${path} holds ${more.length + 1} experiments, one was expected`, 'give each its own file');
  return experiment;
}
