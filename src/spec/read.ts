import { ZashikiError } from '../core/errors.ts';
import type { Experiment, Json } from '../core/model.ts';
import type { Schedule } from '../core/schedule/model.ts';
import type { Desk } from './desk.ts';
import { listed, unknownName } from './desk.ts';
import { readExperiment } from './experiment.ts';
import { unknownKey } from './explain.ts';
import { formatPath, formatProblems, type Path, type Problem, show } from './problem.ts';
import type { readSchedule } from './schedule.ts';
import { readSource, type SourceDocument } from './source.ts';
import { loadVocabulary, namedPlatforms, type Registries, registries, type Vocabulary } from './vocabulary.ts';

/** Where a document begins. */
export interface Position {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** A sound document of a file. */
export type Document =
  | {
      readonly kind: 'Experiment';
      readonly experiment: Experiment;
      readonly position: Position;
      readonly source?: Source;
    }
  | { readonly kind: 'Schedule'; readonly schedule: Schedule; readonly position: Position; readonly source?: Source }
  /** Sound, and of another tool; `why` it cannot be run from here. */
  | { readonly kind: 'Foreign'; readonly why: string; readonly position: Position; readonly source: Source };

/** The document of another tool that it was: its kind and name, and what was read in another way than it says. */
export interface Source {
  readonly kind: string;
  readonly name: string;
  readonly notes: readonly Problem[];
}

/** What a text holds: its sound documents, and every problem of the others. */
export interface Reading {
  readonly documents: readonly Document[];
  readonly problems: readonly Problem[];
}

/** More problems than this of one document are summed up in a line. */
const most = 100;

/** Read YAML or JSON text, several documents in it. `file` is only a name for messages. Never throws for bad text. */
export async function readDocuments(text: string, file: string, from: Registries = registries): Promise<Reading> {
  const source = readSource(text, file);
  const wanted = new Set(source.documents.flatMap(({ value }) => [...namedPlatforms(value, from)]));
  const vocabulary = await loadVocabulary(from, wanted);
  const problems: Problem[] = [...source.problems];
  const documents: Document[] = [];
  const schedules = await scheduleReader(source.documents);
  for (const document of source.documents) {
    const { found, problems: more } =
      (await throughDoor(document, file, from)) ?? readDocument(document, file, vocabulary, schedules);
    problems.push(...more);
    // A repeated key or an unknown alias was reported with the syntax: then the document is not what was meant.
    if (source.problems.length === 0) documents.push(...found);
  }
  return { documents, problems: inOrder(problems) };
}

/** Read one document that is a value already, as an API receives it. Places are paths only. Never throws. */
export async function readValue(value: unknown, file = 'document', from: Registries = registries): Promise<Reading> {
  let plain: Json;
  try {
    plain = JSON.parse(JSON.stringify(value) ?? 'null');
  } catch (error) {
    return { documents: [], problems: [{ file, path: '', message: `not plain JSON: ${(error as Error).message}` }] };
  }
  const vocabulary = await loadVocabulary(from, namedPlatforms(plain, from));
  const document: SourceDocument = { value: plain, locate: () => ({ line: 1, column: 1 }) };
  const { found, problems } =
    (await throughDoor(document, file, from)) ??
    readDocument(document, file, vocabulary, await scheduleReader([document]));
  const placeless = problems.map(({ file: of, path, message, code }) => ({
    ...{ file: of, path, message },
    ...(code ? { code } : {}),
  }));
  return { documents: found, problems: placeless };
}

/** Like `readValue`, for exactly one experiment. Throws `document-invalid` with all problems. */
export async function parseExperiment(value: unknown, file = 'document', from?: Registries): Promise<Experiment> {
  const { documents, problems } = await readValue(value, file, from);
  if (problems.length > 0) throw invalid(problems);
  const [document] = documents;
  if (document?.kind === 'Experiment') return document.experiment;
  throw new ZashikiError('document-invalid', `${file}: an Experiment is needed here, not a ${document?.kind}`);
}

/** All problems as the one error that is thrown: `document-invalid`, at the first of them. */
export function invalid(problems: readonly Problem[]): ZashikiError {
  const [first] = problems;
  const at = first?.line === undefined ? undefined : { file: first.file, line: first.line, column: first.column ?? 1 };
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
  return new ZashikiError('document-invalid', `${count} found\n${formatProblems(problems)}`, {
    hint: 'correct the file; `zashiki validate FILE` checks it again without running anything',
    ...(at ? { at } : {}),
  });
}

/** Read a document of another tool; undefined when there is no door for it. */
async function throughDoor(source: SourceDocument, file: string, from: Registries): Promise<Found | undefined> {
  const { apiVersion: version } = (source.value ?? {}) as { readonly apiVersion?: unknown };
  const door = typeof version === 'string' ? from.doors?.find(({ accepts }) => accepts(version)) : undefined;
  if (!door) return undefined;
  const read = await door.load();
  const { documents, problems } = read(source.value, { file, ...source.locate([]) }, from, source.locate);
  return {
    found: documents,
    problems: problems.map(({ path, message, on, code }) => ({
      ...{ file, ...source.locate(path, on), path: formatPath(path), message },
      ...(code === 'document-invalid' ? {} : { code }),
    })),
  };
}

interface Found {
  readonly found: readonly Document[];
  readonly problems: readonly Problem[];
}

type ScheduleReader = typeof readSchedule;

/** Schedules bring a calendar with them, which an experiment need not wait for. */
async function scheduleReader(documents: readonly SourceDocument[]): Promise<ScheduleReader | undefined> {
  const any = documents.some(({ value }) => (value as { kind?: unknown } | null)?.kind === 'Schedule');
  return any ? (await import('./schedule.ts')).readSchedule : undefined;
}

function readDocument(source: SourceDocument, file: string, vocabulary: Vocabulary, schedules?: ScheduleReader): Found {
  const problems: Problem[] = [];
  const desk: Desk = {
    vocabulary,
    add: (path, message, on) => {
      problems.push({ file, ...source.locate(path, on), path: formatPath(path), message });
    },
    count: () => problems.length,
  };
  const position = { file, ...source.locate([]) };
  const document = readKind(desk, source.value, position, schedules);
  const found = document ? [document] : [];
  if (problems.length <= most) return { found, problems };
  const rest = `and ${problems.length - most} more problems`;
  return { found, problems: [...problems.slice(0, most), { file, ...source.locate([]), path: '', message: rest }] };
}

const topKeys = ['apiVersion', 'kind', 'metadata', 'spec'];
const apiVersion = 'zashiki.dev/v1';
const chaosMesh =
  /^(Pod|Network|IO|Stress|Time|Kernel|DNS|HTTP|JVM|AWS|GCP|Azure|Block|PhysicalMachine)Chaos$|^(Workflow|WorkflowNode|Schedule|StatusCheck|RemoteCluster|PhysicalMachine)$/;

function readKind(desk: Desk, value: Json, position: Position, schedules?: ScheduleReader): Document | undefined {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    desk.add([], `a document is a map with ${topKeys.join(', ')}, not ${show(value)}`);
    return undefined;
  }
  const document = value as Readonly<Record<string, unknown>>;
  if (String(document.apiVersion).startsWith('chaos-mesh.org/')) return refuseChaosMesh(desk, document);
  const before = desk.count();
  if (document.apiVersion !== apiVersion) {
    const not = document.apiVersion === undefined ? 'missing:' : `not ${show(document.apiVersion)}:`;
    desk.add(['apiVersion'], `${not} write apiVersion: ${apiVersion}`);
  }
  for (const key of Object.keys(document)) {
    if (!topKeys.includes(key)) desk.add([key], misplaced(key), 'key');
  }
  if (document.kind === 'Experiment') {
    const experiment = readExperiment(desk, document);
    return experiment && desk.count() === before ? { kind: 'Experiment', experiment, position } : undefined;
  }
  if (document.kind === 'Schedule' && schedules) {
    const schedule = schedules(desk, document);
    return schedule && desk.count() === before ? { kind: 'Schedule', schedule, position } : undefined;
  }
  desk.add(['kind'], wrongKind(document.kind));
  return undefined;
}

/** A key of `spec` at the top is the likeliest slip. */
function misplaced(key: string): string {
  const ofSpec: Path = ['method', 'steadyStateHypothesis', 'rollbacks', 'guards', 'stopWhen', 'seed', 'schedule'];
  return ofSpec.includes(key) ? `"${key}" belongs under spec: indent it below "spec:"` : unknownKey(key, topKeys);
}

function wrongKind(kind: unknown): string {
  if (kind === undefined) return 'missing: write kind: Experiment (or Schedule)';
  if (kind === 'Plan') return 'this is a plan, not an experiment: carry it out with `zashiki apply FILE`';
  if (kind === 'Fleet') return 'kind Fleet is known, and not yet available in this version';
  return typeof kind === 'string'
    ? unknownName('kind', kind, ['Experiment', 'Schedule'])
    : `must be Experiment or Schedule, not ${show(kind)}`;
}

function refuseChaosMesh(desk: Desk, { apiVersion: version, kind }: Readonly<Record<string, unknown>>): undefined {
  if (typeof kind === 'string' && chaosMesh.test(kind)) {
    desk.add(
      ['kind'],
      `${kind} of ${version} is not read here: write it as an Experiment of ${apiVersion}, or give the file to \`zashiki run\``,
    );
  } else
    desk.add(['kind'], `${version} has no kind ${show(kind)}; ${listed([apiVersion])} has Experiment and Schedule`);
}

function inOrder(problems: readonly Problem[]): readonly Problem[] {
  return [...problems].sort((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0));
}
