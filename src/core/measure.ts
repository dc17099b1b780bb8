import type { JournalEvent } from './events.ts';
import { type InjectionRecord, injectionRecords } from './injections.ts';
import type { EpochMs, Milliseconds } from './model.ts';
import { eventsOf, onTimeLine } from './timeline.ts';

/** Good readings in a row that count as steady. */
export const steadyReadings = 3;

/** A span during which an injection was on; a one-shot fault has `until` equal to `from`. */
export interface FaultWindow {
  readonly injection: string;
  readonly step: string;
  readonly fault: string;
  readonly target: string;
  readonly from: EpochMs;
  /** Null: never recovered as far as the journal knows. */
  readonly until: EpochMs | null;
  readonly lasting: boolean;
}

/**
 * Times of one hypothesis on the monotonic clock, from the moment the first injection of the run was on. Only
 * readings that began after an inject was called count; a time is that of the reading's end, when the answer was known.
 */
export interface ProbeTimes {
  readonly name: string;
  /** Good readings begun while a fault was on (one-shot: from its inject to the end of the method), and all. */
  readonly during: { readonly ok: number; readonly all: number };
  /** First bad reading after the first inject; null: never bad. */
  readonly detect: Milliseconds | null;
  /** First good reading that began after the first bad one did; null: there is none. */
  readonly firstHealthy: Milliseconds | null;
  /** First of the good readings that last to the end of the observation; 0: never bad; null: not stable. */
  readonly stable: Milliseconds | null;
  /**
   * The headline: from the moment the system could begin to heal (one-shot fault: its inject; lasting fault: its
   * recover; of several, the last) until stable. 0 when it was never bad after that; null: not recovered, or not read.
   */
  readonly recovery: Milliseconds | null;
}

export interface Measurement {
  readonly windows: readonly FaultWindow[];
  readonly probes: readonly ProbeTimes[];
  /** The slowest hypothesis' recovery; null when one did not recover, or there is none. */
  readonly recovery: Milliseconds | null;
}

/** An injection that was, or may have been, on. */
export interface Span {
  readonly injection: string;
  readonly began: Milliseconds;
  readonly on: Milliseconds;
  /** One-shot: the same as `on`. Null: never recovered. */
  readonly off: Milliseconds | null;
  readonly lasting: boolean;
}

/** One reading of a hypothesis, on the run's time line. */
export interface ReadingSpan {
  readonly start: Milliseconds;
  readonly end: Milliseconds;
  readonly ok: boolean;
}

/** Compute all times of a run from its events alone. */
export function measure(events: readonly JournalEvent[]): Measurement {
  const records = injectionRecords(events).filter(wasOn);
  const spans = records.map(spanOf);
  const phases = eventsOf(onTimeLine(events), 'phase').filter(({ event }) => event.phase === 'recover');
  const methodEnd = phases[0]?.t ?? Number.POSITIVE_INFINITY;
  const started = events.find((event) => event.type === 'run-started');
  const hypotheses = started?.plan.experiment.spec.steadyStateHypothesis ?? [];
  const probes = hypotheses.map(({ name }, index) => ({
    name,
    ...timesOf(readingsOf(events, index), spans, methodEnd),
  }));
  const recoveries = probes.map(({ recovery }) => recovery);
  return {
    windows: records.map(windowOf),
    probes,
    recovery: recoveries.length > 0 && recoveries.every((each) => each !== null) ? Math.max(...recoveries) : null,
  };
}

/** An intent with no outcome was perhaps carried out: its runner died in between, and somebody else recovered it. */
const wasOn = ({ injected, failed, recovered }: InjectionRecord): boolean =>
  injected !== null || (failed === null && recovered !== null);

function spanOf({ intent, written, injected, recovered }: InjectionRecord): Span {
  const on = injected?.t ?? written.t;
  const off = intent.reversible ? (recovered?.t ?? null) : on;
  return { injection: intent.injection, began: injected?.began ?? on, on, off, lasting: intent.reversible };
}

function windowOf({ intent, written, injected, recovered }: InjectionRecord): FaultWindow {
  const from = (injected ?? written).at;
  const { injection, step, fault, target, reversible } = intent;
  const until = reversible ? (recovered?.at ?? null) : from;
  return { injection, step, fault, target: target.name, from, until, lasting: reversible };
}

/** Every injection that was on, in the order of their intents. */
export const spansOf = (events: readonly JournalEvent[]): readonly Span[] =>
  injectionRecords(events).filter(wasOn).map(spanOf);

/** In the order in which they began: slow readings overlap, and a late end says nothing about when it was asked. */
export function readingsOf(events: readonly JournalEvent[], index: number): readonly ReadingSpan[] {
  return eventsOf(onTimeLine(events), 'probe')
    .filter(({ event }) => event.of === 'hypothesis' && event.index === index)
    .map(({ t, event }) => ({ start: t - event.took, end: t, ok: event.ok }))
    .sort((a, b) => a.start - b.start || a.end - b.end);
}

function timesOf(
  all: readonly ReadingSpan[],
  spans: readonly Span[],
  methodEnd: Milliseconds,
): Omit<ProbeTimes, 'name'> {
  const began = Math.min(...spans.map((span) => span.began));
  const zero = Math.min(...spans.map((span) => span.on));
  const after = (from: Milliseconds) => all.filter(({ start }) => start > from);
  const counted = spans.length === 0 ? [] : after(began);
  const bad = counted.filter(({ ok }) => !ok);
  const [firstBad] = bad;
  const lastBad = bad.at(-1);
  const since = (time: Milliseconds | null) => (time === null ? null : Math.max(0, time - zero));
  const goodAfter = (from: ReadingSpan) => earliestEnd(counted.filter(({ start, ok }) => ok && start > from.start));
  const stable = lastBad ? earliestEnd(counted.slice(counted.indexOf(lastBad) + 1)) : null;
  const heals = healsFrom(spans);
  return {
    during: duringOf(counted, spans, methodEnd),
    detect: since(earliestEnd(bad)),
    firstHealthy: firstBad ? since(goodAfter(firstBad)) : null,
    stable: lastBad ? since(stable) : counted.length > 0 ? 0 : null,
    recovery: heals === null ? null : recoveryOf(after(heals), heals, stable),
  };
}

/** When the last fault let go; null: one never did, or there was none. */
function healsFrom(spans: readonly Span[]): Milliseconds | null {
  const ends = spans.map(({ off }) => off);
  return ends.length > 0 && ends.every((off) => off !== null) ? Math.max(...ends) : null;
}

function recoveryOf(
  readings: readonly ReadingSpan[],
  heals: Milliseconds,
  stable: Milliseconds | null,
): Milliseconds | null {
  if (readings.length === 0) return null;
  if (readings.every(({ ok }) => ok)) return 0;
  return stable === null ? null : stable - heals;
}

function duringOf(
  readings: readonly ReadingSpan[],
  spans: readonly Span[],
  methodEnd: Milliseconds,
): ProbeTimes['during'] {
  const within = new Set<ReadingSpan>();
  for (const span of spans) for (const reading of spanReadings(readings, span, methodEnd)) within.add(reading);
  return { ok: [...within].filter(({ ok }) => ok).length, all: within.size };
}

function spanReadings(readings: readonly ReadingSpan[], span: Span, methodEnd: Milliseconds): readonly ReadingSpan[] {
  if (span.lasting) {
    return readings.filter(({ start }) => start > span.began && (span.off === null || start < span.off));
  }
  // What ended stays ended: a one-shot fault is felt until the method is over.
  return readings.filter(({ start }) => start > span.began && start < methodEnd);
}

const earliestEnd = (readings: readonly ReadingSpan[]): Milliseconds | null =>
  readings.length === 0 ? null : Math.min(...readings.map(({ end }) => end));
