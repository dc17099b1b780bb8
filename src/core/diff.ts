import { canonicalJson } from './canonical.ts';
import type { EventOf } from './events.ts';
import type { Json, Milliseconds, TargetRef } from './model.ts';
import { finite, outcomeOf, type RunRecord, type Summary, summarize, timesOf } from './series.ts';
import { mannWhitney, median, shift } from './statistics.ts';

export { type RunRecord, type Summary, summarize };

/** Something that is not the same on both sides. */
export interface Change {
  readonly what: 'experiment' | 'document' | 'plan' | 'seed' | 'targets' | 'verdict' | 'version' | 'host';
  /** `document`: the field, e.g. `spec.method[0].params.latency`; `targets`: the step. */
  readonly where?: string;
  /** The distinct values over all runs of the side; null stands for absent. */
  readonly a: readonly Json[];
  readonly b: readonly Json[];
}

/** Fewest runs a side for which a difference can be called significant. */
export const fewestRuns = 4;

/** Recovery times of one hypothesis on both sides. Null: not recovered, or not measured. */
export interface Comparison {
  readonly hypothesis: string;
  readonly runs: { readonly a: number; readonly b: number };
  readonly p50: { readonly a: Milliseconds | null; readonly b: Milliseconds | null };
  /** p50 of b less p50 of a. */
  readonly difference: Milliseconds | null;
  /** Hodges–Lehmann: how much longer b takes than a, over all pairs of runs. */
  readonly shift: Milliseconds | null;
  /** Mann–Whitney, two-sided; null with too few runs. */
  readonly p: number | null;
  /** At 5 %. */
  readonly significant: 'yes' | 'no' | 'too few runs';
}

export interface RunDiff {
  readonly a: Summary;
  readonly b: Summary;
  /** In a fixed order; empty: all of that is the same. */
  readonly changes: readonly Change[];
  readonly recovery: readonly Comparison[];
}

/** What changed from the runs `a` to the runs `b`, and whether recovery times differ by more than chance. */
export function diffRuns(a: readonly RunRecord[], b: readonly RunRecord[]): RunDiff {
  return { a: summarize(a), b: summarize(b), changes: changesOf(a, b), recovery: comparisons(a, b) };
}

function changesOf(a: readonly RunRecord[], b: readonly RunRecord[]): readonly Change[] {
  const [left, right] = [factsOf(a), factsOf(b)];
  const keys = [...new Set([...left.keys(), ...right.keys()])];
  return keys
    .flatMap((key): readonly Change[] => {
      const [what, where] = key.split('\n') as [Change['what'], string];
      const change = { what, ...(where ? { where } : {}), a: valuesOf(left, key), b: valuesOf(right, key) };
      return sameValues(change.a, change.b) ? [] : [change];
    })
    .sort((x, y) => order.indexOf(x.what) - order.indexOf(y.what));
}

const order: readonly Change['what'][] = [
  'experiment',
  'verdict',
  'seed',
  'plan',
  'document',
  'targets',
  'version',
  'host',
];

type Facts = ReadonlyMap<string, readonly Json[]>;

/** Absent here while present on the other side. */
const valuesOf = (facts: Facts, key: string): readonly Json[] => facts.get(key) ?? [null];

const sameValues = (a: readonly Json[], b: readonly Json[]): boolean => {
  const [left, right] = [a, b].map((values) => values.map(canonicalJson).sort().join('\n'));
  return left === right;
};

/** The distinct values of everything that is compared, over all runs of a side. */
function factsOf(runs: readonly RunRecord[]): Facts {
  const facts = new Map<string, Json[]>();
  for (const run of runs) {
    for (const [what, where, value] of runFacts(run)) {
      const key = `${what}\n${where}`;
      const values = facts.get(key) ?? [];
      if (!values.some((known) => canonicalJson(known) === canonicalJson(value))) facts.set(key, [...values, value]);
    }
  }
  return facts;
}

type Fact = readonly [Change['what'], string, Json];

function runFacts(run: RunRecord): readonly Fact[] {
  const verdict: Fact = ['verdict', '', outcomeOf(run)];
  const started = run.events.find((event) => event.type === 'run-started');
  if (started === undefined) return [verdict];
  const { plan, version, host } = started;
  const { metadata, spec } = plan.experiment;
  // What a drill hits stays hidden until it has ended.
  const hidden = started.sealed && outcomeOf(run) === 'unfinished';
  return [
    verdict,
    ['experiment', '', metadata.name],
    ['seed', '', plan.seed],
    ['plan', '', plan.hash],
    ['version', '', version],
    ['host', '', host],
    ...(hidden
      ? []
      : leaves(spec as unknown as Json, 'spec').map(([where, value]): Fact => ['document', where, value])),
    ...(hidden ? [] : targetsOf(run, started)),
  ];
}

/** Every plain value of a document with its path. */
function leaves(value: Json, path: string): readonly (readonly [string, Json])[] {
  if (value === null || typeof value !== 'object') return [[path, value]];
  const inner = Array.isArray(value)
    ? value.flatMap((each, index) => leaves(each as Json, `${path}[${index}]`))
    : Object.entries(value).flatMap(([key, each]) => (each === undefined ? [] : leaves(each, `${path}.${key}`)));
  return inner.length > 0 ? inner : [[path, value]];
}

/** Who was hit, by step; in a run that injected nothing, who would have been. */
function targetsOf({ events }: RunRecord, { plan }: EventOf<'run-started'>): readonly Fact[] {
  const hit = new Map<string, TargetRef[]>();
  for (const event of events) {
    if (event.type === 'intent') hit.set(event.step, [...(hit.get(event.step) ?? []), event.target]);
  }
  const steps = hit.size > 0 ? [...hit] : plan.steps.map(({ path, victims }) => [path, victims] as const);
  return steps.map(([step, targets]): Fact => {
    const names = targets.map(({ platform, id, name }) => `${platform} ${id} ${name}`);
    return ['targets', step, names.sort()];
  });
}

function comparisons(a: readonly RunRecord[], b: readonly RunRecord[]): readonly Comparison[] {
  const [left, right] = [a.map(timesOf), b.map(timesOf)];
  const names = [...new Set([...left, ...right].flatMap((times) => [...times.keys()]))];
  const pick = (side: typeof left, name: string) => side.flatMap((times) => times.get(name)?.recovery ?? []);
  return names.map((name) => compare(name, pick(left, name), pick(right, name)));
}

function compare(hypothesis: string, a: readonly number[], b: readonly number[]): Comparison {
  const enough = Math.min(a.length, b.length) >= fewestRuns;
  const p = enough ? mannWhitney(a, b).p : null;
  const [p50a, p50b] = [median(a), median(b)];
  return {
    hypothesis,
    runs: { a: a.length, b: b.length },
    p50: { a: finite(p50a), b: finite(p50b) },
    difference: finite(p50b - p50a),
    shift: finite(shift(a, b)),
    p,
    significant: p === null ? 'too few runs' : p < 0.05 ? 'yes' : 'no',
  };
}
