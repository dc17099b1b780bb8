import { isWatch } from '../core/dips.ts';
import { formatDuration } from '../core/duration.ts';
import type { EventOf, JournalEvent } from '../core/events.ts';
import { type Measurement, measure, type ProbeTimes } from '../core/measure.ts';
import type { EpochMs, ExperimentSpec, Hypothesis, Milliseconds, Plan } from '../core/model.ts';
import { eventsOf, onTimeLine, type Timed } from '../core/timeline.ts';
import { isCutShort } from '../core/verdict.ts';
import { againstWatched } from '../core/watched.ts';
import { type DipStory, dipStories } from './dips.ts';
import { type InjectionStory, injectionStories } from './injections.ts';
import type { Ending } from './outcome.ts';
import { type Sample, type Series, seriesOf } from './readings.ts';
import { sealEvents } from './seal.ts';

export interface HypothesisStory {
  readonly index: number;
  readonly name: string;
  readonly hypothesis: Hypothesis | null;
  readonly samples: readonly Sample[];
  readonly series: Series | null;
  readonly times: ProbeTimes | null;
  /** The run was stopped before it could be seen whether this recovers. */
  readonly cutShort: boolean;
  /** Where it was bad, in order. */
  readonly dips: readonly DipStory[];
  /** When it was stable again, on the run's time line. */
  readonly stableAt: Milliseconds | null;
  readonly judged: 'good' | 'bad' | 'not judged';
  /** Why it is bad, or what was read instead; one line each. */
  readonly notes: readonly string[];
}

/** All that a report says about one run, folded from its events alone. */
export interface Story {
  readonly run: string;
  readonly name: string;
  readonly start: EventOf<'run-started'> | null;
  readonly finish: EventOf<'run-finished'> | null;
  readonly plan: Plan | null;
  readonly startedAt: EpochMs | null;
  readonly elapsed: Milliseconds;
  readonly ending: Ending;
  readonly unverified: boolean;
  /** Still sealed: targets are hidden in all of this. */
  readonly sealed: boolean;
  readonly timed: readonly Timed[];
  readonly hypotheses: readonly HypothesisStory[];
  readonly injections: readonly InjectionStory[];
  readonly measurement: Measurement;
}

const nothing: Measurement = { windows: [], probes: [], recovery: null };

/** Fold a journal, whole or torn, into what a report tells. Never throws for a journal that stops early. */
export function tellStory(given: readonly JournalEvent[]): Story {
  const events = sealEvents(given);
  const timed = onTimeLine(events);
  const start = events.find((event) => event.type === 'run-started') ?? null;
  const finish = events.findLast((event) => event.type === 'run-finished') ?? null;
  const measurement = start ? measure(events) : nothing;
  const injections = injectionStories(events);
  const ending: Ending = finish
    ? start?.dryRun && finish.outcome === 'held'
      ? 'dry-run'
      : finish.outcome
    : 'unfinished';
  return {
    run: start?.run ?? 'unknown',
    name: start?.plan.experiment.metadata.name ?? 'unknown experiment',
    start,
    finish,
    plan: start?.plan ?? null,
    startedAt: events[0]?.at ?? null,
    elapsed: timed.at(-1)?.t ?? 0,
    ending,
    unverified: finish?.unverified ?? start?.plan.experiment.spec.steadyStateHypothesis.length === 0,
    sealed: events !== given,
    timed,
    hypotheses: hypothesisStories(timed, start?.plan ?? null, measurement, injections, ending),
    injections,
    measurement,
  };
}

function hypothesisStories(
  timed: readonly Timed[],
  plan: Plan | null,
  measurement: Measurement,
  injections: readonly InjectionStory[],
  ending: Ending,
): readonly HypothesisStory[] {
  const readings = eventsOf(timed, 'probe').filter(({ event }) => event.of === 'hypothesis');
  const declared = plan?.experiment.spec.steadyStateHypothesis ?? [];
  const count = Math.max(declared.length, ...readings.map(({ event }) => event.index + 1), 0);
  const stopped = timed.some(({ event }) => event.type === 'aborted');
  const events = timed.map(({ event }) => event);
  const begins = injections.filter(({ injectedAt, recovered }) => injectedAt !== null || recovered !== null);
  const firstInject =
    begins.length > 0 ? Math.min(...begins.map(({ injectedAt, intentAt }) => injectedAt ?? intentAt)) : null;
  return Array.from({ length: count }, (_, index) => {
    const hypothesis = declared[index] ?? null;
    const own = readings.filter(({ event }) => event.index === index);
    const { samples, series } = seriesOf(own, hypothesis);
    const dips = dipStories(events, index, samples, injections);
    const times = firstInject === null ? null : (measurement.probes[index] ?? null);
    // A torn journal ends somewhere: what looks stable there is not known to last.
    const stable = ending === 'unfinished' ? null : (times?.stable ?? null);
    const lost = times !== null && times.recovery === null && times.detect !== null && times.stable === null;
    const cutShort =
      lost && hypothesis !== null && isCutShort(hypothesis.recoversWithin, hypothesis.every, events, index);
    return {
      index,
      name: hypothesis?.name ?? `hypothesis ${index + 1}`,
      hypothesis,
      samples,
      series,
      times,
      cutShort,
      dips,
      stableAt: stable === null || firstInject === null ? null : firstInject + stable,
      ...(times === null && plan !== null && isWatch(plan.experiment.spec)
        ? judgeWatch(index, plan.experiment.spec, events, ending)
        : judge(hypothesis, times, samples, { ending, stopped, cutShort })),
    };
  });
}

/** A run that only watches has no injection to count from: what its verdict goes by are the dips. */
function judgeWatch(
  index: number,
  spec: ExperimentSpec,
  events: readonly JournalEvent[],
  ending: Ending,
): Pick<HypothesisStory, 'judged' | 'notes'> {
  if (ending !== 'held' && ending !== 'deviated') return { judged: 'not judged', notes: [] };
  const notes = againstWatched(spec, events, index);
  return { judged: notes.length === 0 ? 'good' : 'bad', notes };
}

function judge(
  hypothesis: Hypothesis | null,
  times: ProbeTimes | null,
  samples: readonly Sample[],
  { ending, stopped, cutShort }: { readonly ending: Ending; readonly stopped: boolean; readonly cutShort: boolean },
): Pick<HypothesisStory, 'judged' | 'notes'> {
  const lastBad = samples.findLast((sample) => !sample.ok);
  const seen = lastBad?.why ? [`last bad reading: ${lastBad.why}`] : [];
  if (!hypothesis || !times || ending === 'dry-run' || ending === 'refused') {
    return { judged: 'not judged', notes: ending === 'skipped' ? seen : [] };
  }
  const notes: string[] = [];
  const { ok, all } = times.during;
  if (hypothesis.during && all > 0 && ok / all < hypothesis.during.atLeast) {
    const needed = formatShare(hypothesis.during.atLeast);
    notes.push(`only ${formatShare(ok / all)} of the readings were good while the fault was on, ${needed} are needed`);
  }
  const lost = times.detect !== null && times.stable === null && !cutShort;
  // A run that was stopped had no time to look: that says nothing against the system.
  const unread = times.recovery === null && !lost;
  if (times.recovery === null) {
    const within = `not steady again within ${formatDuration(hypothesis.recoversWithin)}`;
    if (lost) notes.push(within);
    else if (!stopped) notes.push('no reading after the fault, so recovery cannot be judged');
  } else if (times.recovery > hypothesis.recoversWithin) {
    notes.push(
      `steady again after ${formatDuration(times.recovery)}, ${formatDuration(hypothesis.recoversWithin)} are allowed`,
    );
  }
  // The verdict of the run is the journal's word; ours may only say which hypothesis it is about.
  if (ending === 'held') return { judged: 'good', notes: [] };
  if (ending === 'unfinished' || ending === 'skipped') return { judged: 'not judged', notes: seen };
  if (notes.length === 0 && unread) {
    return { judged: 'not judged', notes: cutShort ? ['recovery not observed: the run was stopped', ...seen] : seen };
  }
  return notes.length === 0 ? { judged: 'good', notes } : { judged: 'bad', notes: [...notes, ...seen] };
}

/** 0.953 → `95.3%`; never rounds up to 100%. */
export function formatShare(share: number): string {
  const percent = share * 100;
  const tenths = Math.floor(percent * 10 + 1e-9) / 10;
  return `${Number.isInteger(tenths) ? tenths : tenths.toFixed(1)}%`;
}
