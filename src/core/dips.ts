import type { JournalEvent } from './events.ts';
import { type ReadingSpan, readingsOf, type Span, spansOf, steadyReadings } from './measure.ts';
import type { ExperimentSpec, Milliseconds } from './model.ts';
import { farSlower, noiseOf } from './outliers.ts';
import { faultSteps } from './steps.ts';
import { eventsOf, onTimeLine } from './timeline.ts';

/** A stretch in which a hypothesis was bad. Times are those of the run's own time line. */
export interface Dip {
  /** When the first bad reading was asked. */
  readonly from: Milliseconds;
  /** When the first of the good ones that last had answered; null: bad to the end. */
  readonly until: Milliseconds | null;
  /** The injection that came last before it; null: none of ours. */
  readonly injection: string | null;
  /** From when it could begin to heal (as `recovery` of the whole run; without an injection: `from`) to `until`. */
  readonly recovery: Milliseconds | null;
  /** Far slower than the other dips of this hypothesis; `usual` is the median of those. */
  readonly farSlower: { readonly usual: Milliseconds } | null;
}

/**
 * The dips of one hypothesis, in order: after the first injection, or, where the method injects nothing and only
 * watches what others do, since the method began.
 */
export function dipsOf(events: readonly JournalEvent[], index: number): readonly Dip[] {
  const started = events.find((event) => event.type === 'run-started');
  const hypothesis = started?.plan.experiment.spec.steadyStateHypothesis[index];
  if (!started || !hypothesis) return [];
  const spans = spansOf(events).toSorted((a, b) => a.began - b.began);
  const began = isWatch(started.plan.experiment.spec) ? methodBegins(events) : spans[0]?.began;
  if (began === undefined) return [];
  const readings = readingsOf(events, index).filter(({ start }) => start > began);
  const dips = stretches(readings).map((stretch) => asDip(stretch, spans));
  const slow = farSlower(
    dips.map(({ recovery }) => recovery),
    noiseOf(hypothesis.every),
  );
  return dips.map((dip, i) => {
    const found = slow.find((each) => each.index === i);
    return { ...dip, farSlower: found ? { usual: found.usual } : null };
  });
}

/** Does the method inject nothing, so that the run watches what somebody else does? */
export const isWatch = ({ method }: Pick<ExperimentSpec, 'method'>): boolean => faultSteps(method).length === 0;

const methodBegins = (events: readonly JournalEvent[]): Milliseconds | undefined =>
  eventsOf(onTimeLine(events), 'phase').find(({ event }) => event.phase === 'method')?.t;

interface Stretch {
  readonly from: Milliseconds;
  readonly until: Milliseconds | null;
}

/** A good reading or two between bad ones end nothing, unless they are the last. */
function stretches(readings: readonly ReadingSpan[]): readonly Stretch[] {
  const found: Stretch[] = [];
  let from: Milliseconds | undefined;
  readings.forEach((reading, i) => {
    if (!reading.ok) from ??= reading.start;
    else if (from !== undefined && readings.slice(i, i + steadyReadings).every(({ ok }) => ok)) {
      found.push({ from, until: reading.end });
      from = undefined;
    }
  });
  return from === undefined ? found : [...found, { from, until: null }];
}

function asDip({ from, until }: Stretch, spans: readonly Span[]): Omit<Dip, 'farSlower'> {
  const cause = spans.findLast(({ began }) => began < from);
  const heals = cause ? cause.off : from;
  const recovery = until === null || heals === null ? null : Math.max(0, until - heals);
  return { from, until, injection: cause?.injection ?? null, recovery };
}
