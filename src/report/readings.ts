import { parseDuration } from '../core/duration.ts';
import type { EventOf } from '../core/events.ts';
import type { Hypothesis, Json, Milliseconds } from '../core/model.ts';
import type { Timed } from '../core/timeline.ts';

/** One reading: when it began, whether it was within tolerance, and its number, if it has one. */
export interface Sample {
  readonly t: Milliseconds;
  readonly ok: boolean;
  readonly number: number | null;
  readonly why?: string | undefined;
}

/** What the numbers of a hypothesis are, and between which limits they are good. */
export interface Series {
  readonly label: string;
  /** `ms`, `B`, or empty for a count. */
  readonly unit: string;
  readonly band: Band;
}

export interface Band {
  readonly min?: number;
  readonly max?: number;
}

/** How a probe's value becomes a number worth drawing. */
interface Lens extends Series {
  number(value: Json): number | null;
}

/** The samples of one hypothesis and, where the readings hold numbers, what these are. */
export function seriesOf(
  readings: readonly Timed<EventOf<'probe'>>[],
  hypothesis: Hypothesis | null,
): { readonly samples: readonly Sample[]; readonly series: Series | null } {
  const { number, ...series } = lensFor(hypothesis);
  const samples = readings.map(({ t, event }) => ({
    t: Math.max(0, t - event.took),
    ok: event.ok,
    number: number(event.value),
    why: event.why,
  }));
  // Slow readings overlap: one that began in bad times may end in good ones.
  samples.sort((a, b) => a.t - b.t);
  return { samples, series: samples.some((sample) => sample.number !== null) ? series : null };
}

function lensFor(hypothesis: Hypothesis | null): Lens {
  const tolerance = hypothesis?.tolerance ?? null;
  switch (hypothesis?.probe.id) {
    case 'http':
      return { ...responseTime(tolerance), number: (value) => answered(value, 'status') };
    case 'tcp':
      return { ...responseTime(tolerance), number: (value) => answered(value, 'connects') };
    case 'process':
      return { label: 'processes', unit: '', band: bandOf(field(tolerance, 'count')), number: numberAt('count') };
    case 'exec':
      return execLens(field(tolerance, 'numeric'));
    case 'file':
      return fileLens(tolerance);
    case 'prometheus':
      return prometheusLens(tolerance);
    default:
      return { label: 'value', unit: '', band: bandOf(field(tolerance, 'value') ?? tolerance), number: anyNumber };
  }
}

function responseTime(tolerance: Json): Series {
  const max = limit(field(tolerance, 'latency'));
  return { label: 'response time', unit: 'ms', band: max === null ? {} : { max } };
}

/** The latency of an answer; what never came has none, however long the wait was. */
function answered(value: Json, sign: string): number | null {
  const mark = field(value, sign);
  return mark === undefined || mark === false ? null : asNumber(field(value, 'latency'));
}

function execLens(numeric: Json | undefined): Lens {
  const number = (value: Json) => (numeric === undefined ? null : asNumber(field(value, 'stdout')));
  return { label: 'output', unit: '', band: bandOf(numeric), number };
}

function fileLens(tolerance: Json): Lens {
  const [min, max, age] = ['minSize', 'maxSize', 'maxAge'].map((key) => limit(field(tolerance, key)));
  if (age !== null && age !== undefined)
    return { label: 'age', unit: 'ms', band: { max: age }, number: numberAt('age') };
  return {
    label: 'size',
    unit: 'B',
    band: { ...(min ? { min } : {}), ...(max ? { max } : {}) },
    number: numberAt('size'),
  };
}

/** Of several samples the one nearest to a limit, unless the tolerance says how to reduce them. */
function prometheusLens(tolerance: Json): Lens {
  const band = bandOf(tolerance);
  const asked = field(tolerance, 'reduce');
  const reduce =
    asked === 'all' || asked === 'any' || asked === undefined ? (band.max === undefined ? 'min' : 'max') : asked;
  const number = (value: Json) => {
    const values = field(value, 'values');
    const numbers = (Array.isArray(values) ? values : []).map(asNumber).filter((each) => each !== null);
    if (numbers.length === 0) return null;
    const sum = numbers.reduce((total, each) => total + each, 0);
    if (reduce === 'sum') return sum;
    if (reduce === 'avg') return sum / numbers.length;
    return reduce === 'min' ? Math.min(...numbers) : Math.max(...numbers);
  };
  return { label: 'value', unit: '', band, number };
}

/** For probes that are not known here: a plain number, or the usual places of one. */
function anyNumber(value: Json): number | null {
  return (
    asNumber(value) ??
    asNumber(field(value, 'value')) ??
    asNumber(field(value, 'count')) ??
    asNumber(field(value, 'latency'))
  );
}

const numberAt = (key: string) => (value: Json) => asNumber(field(value, key));

/** A number is an exact value; else `min`, `max`, `equals`. */
export function bandOf(tolerance: Json | undefined): Band {
  if (typeof tolerance === 'number') return { min: tolerance, max: tolerance };
  const equals = limit(field(tolerance, 'equals'));
  if (equals !== null) return { min: equals, max: equals };
  const [min, max] = [limit(field(tolerance, 'min')), limit(field(tolerance, 'max'))];
  return { ...(min === null ? {} : { min }), ...(max === null ? {} : { max }) };
}

/** A number, or a duration as documents write it, in milliseconds. */
function limit(value: Json | undefined): number | null {
  return asNumber(value) ?? (typeof value === 'string' ? (parseDuration(value.trim()) ?? null) : null);
}

function asNumber(value: Json | undefined): number | null {
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (typeof value !== 'string' || !/^[-+]?\d+(\.\d+)?(e[-+]?\d+)?$/i.test(value.trim())) return null;
  return Number(value);
}

function field(value: Json | undefined, key: string): Json | undefined {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return undefined;
  return Object.hasOwn(value, key) ? (value as Record<string, Json>)[key] : undefined;
}
