import { type Dip, dipsOf } from './dips.ts';
import { formatDuration } from './duration.ts';
import type { JournalEvent } from './events.ts';
import type { ExperimentSpec, Milliseconds } from './model.ts';
import { eventsOf, onTimeLine } from './timeline.ts';

/** What speaks against, and for, the hypotheses; a line for each. */
export interface Judged {
  readonly bad: readonly string[];
  readonly good: readonly string[];
}

/**
 * Judge a run that injects nothing and watches what others do: each dip must end within `recoversWithin`, and as many
 * readings be good as `during` wants of the whole time.
 */
export function judgeWatched(spec: ExperimentSpec, events: readonly JournalEvent[]): Judged {
  const [bad, good]: [string[], string[]] = [[], []];
  spec.steadyStateHypothesis.forEach((hypothesis, index) => {
    const told = againstWatched(spec, events, index);
    if (told.length > 0) bad.push(`${hypothesis.name}: ${told.join(', ')}`);
    else good.push(`${hypothesis.name}: ${inFavour(dipsOf(events, index))}`);
  });
  return { bad, good };
}

/** What speaks against one hypothesis of a run that only watches. */
export function againstWatched(
  { steadyStateHypothesis }: ExperimentSpec,
  events: readonly JournalEvent[],
  index: number,
): readonly string[] {
  const hypothesis = steadyStateHypothesis[index];
  if (!hypothesis) return [];
  const { during, recoversWithin } = hypothesis;
  const dips = dipsOf(events, index);
  const readings = eventsOf(onTimeLine(events), 'probe').filter(
    ({ event }) => event.of === 'hypothesis' && event.index === index && event.phase === 'method',
  );
  const share = readings.filter(({ event }) => event.ok).length / readings.length;
  const limit = formatDuration(recoversWithin);
  const slowest = longest(dips);
  return [
    ...(readings.length === 0 ? ['no reading: watch longer, or read more often'] : []),
    ...(during && share < during.atLeast
      ? [`${percent(share)} good while it was watched, at least ${percent(during.atLeast)} wanted`]
      : []),
    ...(dips.some(({ until }) => until === null) ? [`not recovered (limit ${limit})`] : []),
    ...(slowest > recoversWithin ? [`recovered after ${formatDuration(slowest)} (limit ${limit})`] : []),
  ];
}

function inFavour(dips: readonly Dip[]): string {
  if (dips.length === 0) return 'never bad';
  return `${dips.length === 1 ? 'one dip' : `${dips.length} dips`}, recovered after ${formatDuration(longest(dips))} at the most`;
}

const longest = (dips: readonly Dip[]): Milliseconds => Math.max(0, ...dips.map(({ recovery }) => recovery ?? 0));

/** A line for each recovery that is far slower than the others of its hypothesis. */
export const slowDips = (spec: ExperimentSpec, events: readonly JournalEvent[]): readonly string[] =>
  spec.steadyStateHypothesis.flatMap(({ name }, index) => {
    const dips = dipsOf(events, index);
    return dips.flatMap((dip, i) => {
      const text = slowText(dip);
      return text === null ? [] : [`${name}: dip ${i + 1} of ${dips.length} ${text}`];
    });
  });

/** `took 9 min to recover, 8.6 times as long as the others (1.1 min)`; null: it is not far slower. */
export const slowText = ({ recovery, farSlower }: Dip): string | null =>
  farSlower && slowerText(recovery, farSlower.usual);

/** The same for any time and what is usual. */
export function slowerText(recovery: Milliseconds | null, usual: Milliseconds): string {
  const others = formatDuration(usual);
  if (recovery === null) return `did not recover, the others after ${others}`;
  const times = usual > 0 ? `, ${(recovery / usual).toFixed(1)} times as long as` : ', far longer than';
  return `took ${formatDuration(recovery)} to recover${times} the others (${others})`;
}

/** 0.9567 → `95.6%`; cut, not rounded, so that a share below the wanted one never looks like it. */
export function percent(share: number): string {
  return `${Math.floor(share * 1000 + 1e-9) / 10}%`;
}
