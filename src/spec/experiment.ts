import { z } from 'zod';
import type {
  Experiment,
  ExperimentSpec,
  Guards,
  Hypothesis,
  Metadata,
  Rollback,
  StopCondition,
} from '../core/model.ts';
import { asList, asMap, check, type Desk, onlyKeys } from './desk.ts';
import { ExecFields, GuardsFields, HttpFields, HypothesisFields, MetadataFields, Seed, StopFields } from './fields.ts';
import { readProbeUse } from './probe-use.ts';
import type { Path } from './problem.ts';
import { readSteps } from './steps.ts';

type Entries = Readonly<Record<string, unknown>>;

/** Keys of an experiment's `spec`, in the order in which they are read. */
export const specKeys = [
  'description',
  'seed',
  'steadyStateHypothesis',
  'method',
  'rollbacks',
  'guards',
  'stopWhen',
] as const;

/** Read a whole experiment. Undefined, with problems at the desk, when anything in it is wrong. */
export function readExperiment(desk: Desk, document: Entries): Experiment | undefined {
  const before = desk.count();
  const metadata = readMetadata(desk, document);
  const spec = readExperimentSpec(desk, document.spec, ['spec']);
  if (desk.count() > before || !metadata || !spec) return undefined;
  return { apiVersion: 'zashiki.dev/v1', kind: 'Experiment', metadata, spec };
}

/** `metadata` of any document. */
export function readMetadata(desk: Desk, document: Entries): Metadata | undefined {
  const given = asMap(desk, document.metadata, ['metadata'], 'a map with a name');
  return given && check(desk, MetadataFields, given, ['metadata']);
}

/** Read the `spec` of an experiment, also where it stands inside a schedule. */
export function readExperimentSpec(desk: Desk, given: unknown, path: Path): ExperimentSpec | undefined {
  const spec = asMap(desk, given, path, 'a map with a method');
  if (!spec) return undefined;
  const before = desk.count();
  onlyKeys(desk, spec, specKeys, path);
  const at = (key: (typeof specKeys)[number]): Path => [...path, key];
  const description = optional(desk, z.string(), spec.description, at('description'));
  const seed = optional(desk, Seed, spec.seed, at('seed'));
  const steadyStateHypothesis = readEach(
    desk,
    spec.steadyStateHypothesis,
    at('steadyStateHypothesis'),
    'hypotheses',
    readHypothesis,
  );
  const guards = optional(desk, GuardsFields, spec.guards, at('guards')) ?? {};
  const rollbacks = readEach(desk, spec.rollbacks, at('rollbacks'), 'rollbacks', readRollback);
  const stopWhen = readEach(desk, spec.stopWhen, at('stopWhen'), 'stop conditions', readStop);
  const method = readMethod(desk, spec, at('method'));
  if (desk.count() > before) return undefined;
  return {
    ...(description === undefined ? {} : { description }),
    ...(seed === undefined ? {} : { seed }),
    steadyStateHypothesis,
    method,
    rollbacks,
    guards: withoutUndefined(guards),
    stopWhen,
  };
}

function readMethod(desk: Desk, spec: Entries, path: Path) {
  const before = desk.count();
  const method = readSteps(desk, spec.method, path);
  if (method.length > 0 || desk.count() > before) return method;
  desk.add(
    path,
    spec.method === undefined ? 'missing: a list of steps is needed here' : 'nothing to do: needs at least one step',
  );
  return method;
}

/** Keys that were not given are left out, so that equal documents have equal bytes. */
function withoutUndefined(guards: Guards): Guards {
  return Object.fromEntries(Object.entries(guards).filter(([, value]) => value !== undefined));
}

function optional<S extends z.ZodType>(desk: Desk, schema: S, given: unknown, path: Path): z.output<S> | undefined {
  return given === undefined ? undefined : check(desk, schema, given, path);
}

function readEach<T>(
  desk: Desk,
  given: unknown,
  path: Path,
  what: string,
  read: (desk: Desk, item: Entries, path: Path) => T | undefined,
): readonly T[] {
  const items = asList(desk, given, path, `a list of ${what}`) ?? [];
  return items
    .map((item, i) => {
      const map = asMap(desk, item, [...path, i], 'a map');
      return map && read(desk, map, [...path, i]);
    })
    .filter((item) => item !== undefined);
}

/** The entries that `schema` reads; `others` are read elsewhere, anything else is an unknown key. */
function part<S extends z.ZodObject>(desk: Desk, schema: S, map: Entries, others: readonly string[], path: Path) {
  const own = Object.keys(schema.shape);
  onlyKeys(desk, map, [...own, ...others], path);
  return check(desk, schema, Object.fromEntries(Object.entries(map).filter(([key]) => own.includes(key))), path);
}

function readHypothesis(desk: Desk, map: Entries, path: Path): Hypothesis | undefined {
  const fields = part(desk, HypothesisFields, map, ['probe', 'tolerance'], path);
  const use = readProbeUse(desk, map, path);
  if (!fields || !use) return undefined;
  const { name, every, during, recoversWithin } = fields;
  return { name, ...use, every, ...(during ? { during } : {}), recoversWithin };
}

function readStop(desk: Desk, map: Entries, path: Path): StopCondition | undefined {
  const fields = part(desk, StopFields, map, ['probe', 'tolerance'], path);
  const use = readProbeUse(desk, map, path);
  return fields && use ? { name: fields.name ?? use.probe.id, ...use, every: fields.every } : undefined;
}

function readRollback(desk: Desk, map: Entries, path: Path): Rollback | undefined {
  onlyKeys(desk, map, ['name', 'exec', 'http'], path);
  const name = optional(desk, z.string().min(1), map.name, [...path, 'name']);
  const given = (['exec', 'http'] as const).filter((id) => id in map);
  const [id] = given;
  if (id === undefined || given.length > 1) {
    desk.add(path, `a rollback does one thing: ${id ? 'exec or http, not both' : 'it needs exec or http'}`);
    return undefined;
  }
  if (id === 'exec') {
    const params = check(desk, ExecFields, map.exec, [...path, id]);
    return params && { name: name ?? params.command.join(' '), action: { id, params } };
  }
  const params = check(desk, HttpFields, map.http, [...path, id]);
  if (!params) return undefined;
  return { name: name ?? `${params.method} ${params.url}`, action: { id, params: JSON.parse(JSON.stringify(params)) } };
}
