import type { JournalEvent } from './events.ts';
import { measure } from './measure.ts';
import type { Milliseconds, Outcome } from './model.ts';
import { farSlower, noiseOf } from './outliers.ts';
import { seededRng } from './rng.ts';
import { bootstrap, mean, quantile } from './statistics.ts';

/** A run by its journal. */
export interface RunRecord {
  readonly id: string;
  readonly events: readonly JournalEvent[];
}

/** A quantile with its 95 % bootstrap interval. Null: beyond all that was measured (not recovered), or not known. */
export interface Estimate {
  readonly value: Milliseconds | null;
  readonly low: Milliseconds | null;
  readonly high: Milliseconds | null;
}

/** How a time spreads over repetitions. */
export interface Spread {
  /** One for each run in which it was measured; null: it never came. In the order of the runs. */
  readonly values: readonly (Milliseconds | null)[];
  /** How many never came. They count as longer than any that did. */
  readonly never: number;
  readonly p50: Estimate;
  readonly p95: Estimate;
}

export interface HypothesisSummary {
  readonly name: string;
  readonly recovery: Spread;
  /** Over the runs in which it was ever bad. */
  readonly detect: Spread;
  /** Runs whose recovery is far slower than that of the others, which has the median `usual`. */
  readonly farSlower: readonly SlowRun[];
  /** Mean share of good readings while a fault was on, 0..1; null: never read then. */
  readonly during: number | null;
}

/** A run that is not like the others. `recovery` null: it did not recover. */
export interface SlowRun {
  readonly run: string;
  readonly recovery: Milliseconds | null;
  readonly usual: Milliseconds;
}

/** What several runs of one experiment (`--repeat`) amount to. */
export interface Summary {
  readonly runs: readonly string[];
  readonly outcomes: Readonly<Partial<Record<Outcome | 'unfinished', number>>>;
  /** Share of all runs that held, 0..1; 0 for no runs. */
  readonly heldShare: number;
  /** Of the slowest hypothesis of each run. */
  readonly recovery: Spread;
  readonly hypotheses: readonly HypothesisSummary[];
}

/** Quantiles with confidence intervals over the runs in which a fault was on. The same runs give the same numbers. */
export function summarize(runs: readonly RunRecord[]): Summary {
  const outcomes: Partial<Record<Outcome | 'unfinished', number>> = {};
  for (const run of runs) outcomes[outcomeOf(run)] = (outcomes[outcomeOf(run)] ?? 0) + 1;
  const each = runs.map(timesOf);
  const names = [...new Set(each.flatMap((times) => [...times.keys()]))];
  const rng = seededRng(runs.length, 'summary');
  const spread = (values: readonly (number | undefined)[]) => spreadOf(values, rng);
  return {
    runs: runs.map(({ id }) => id),
    outcomes,
    heldShare: runs.length === 0 ? 0 : (outcomes.held ?? 0) / runs.length,
    recovery: spread(each.map(slowest)),
    hypotheses: names.map((name) => {
      const own = each.flatMap((times) => times.get(name) ?? []);
      const shares = own.flatMap(({ during }) => during ?? []);
      return {
        name,
        recovery: spread(own.map(({ recovery }) => recovery)),
        detect: spread(own.map(({ detect }) => detect)),
        farSlower: slowRuns(name, runs, each),
        during: shares.length === 0 ? null : mean(shares),
      };
    }),
  };
}

/** The outcome that the journal ends with. */
export function outcomeOf({ events }: RunRecord): Outcome | 'unfinished' {
  const last = events.findLast((event) => event.type === 'run-finished');
  return last?.type === 'run-finished' ? last.outcome : 'unfinished';
}

/** Times of one hypothesis in one run; undefined: not measured there. Infinity: it did not recover. */
export interface RunTimes {
  readonly recovery: Milliseconds | undefined;
  readonly detect: Milliseconds | undefined;
  readonly during: number | undefined;
}

/** By the hypothesis' name; empty when nothing was injected. */
export function timesOf({ events }: RunRecord): ReadonlyMap<string, RunTimes> {
  const { probes, windows } = measure(events);
  if (windows.length === 0) return new Map();
  return new Map(
    probes.map(({ name, recovery, detect, stable, during }) => {
      // Bad to the end is not the same as not looked at after the fault.
      const lost = detect !== null && stable === null ? Number.POSITIVE_INFINITY : undefined;
      const share = during.all > 0 ? during.ok / during.all : undefined;
      return [name, { recovery: recovery ?? lost, detect: detect ?? undefined, during: share }];
    }),
  );
}

function slowRuns(
  name: string,
  runs: readonly RunRecord[],
  each: readonly ReadonlyMap<string, RunTimes>[],
): readonly SlowRun[] {
  const known = runs.flatMap((run, i) => {
    const recovery = each[i]?.get(name)?.recovery;
    return recovery === undefined ? [] : [{ run, recovery: finite(recovery) }];
  });
  const noise = noiseOf(Math.max(0, ...known.map(({ run }) => everyOf(run, name))));
  const found = farSlower(
    known.map(({ recovery }) => recovery),
    noise,
  );
  return found.map(({ index, time, usual }) => ({ run: known[index]?.run.id ?? '', recovery: time, usual }));
}

function everyOf({ events }: RunRecord, name: string): Milliseconds {
  const started = events.find((event) => event.type === 'run-started');
  const declared = started?.plan.experiment.spec.steadyStateHypothesis ?? [];
  return declared.find((hypothesis) => hypothesis.name === name)?.every ?? 0;
}

function slowest(times: ReadonlyMap<string, RunTimes>): number | undefined {
  const all = [...times.values()].map(({ recovery }) => recovery);
  return all.length === 0 || all.some((each) => each === undefined) ? undefined : Math.max(...(all as number[]));
}

/** To a thousandth. Infinity becomes null: it cannot be written as JSON. */
export const finite = (value: number): number | null =>
  Number.isFinite(value) ? Math.round(value * 1000) / 1000 : null;

function spreadOf(values: readonly (number | undefined)[], rng: ReturnType<typeof seededRng>): Spread {
  const known = values.filter((value) => value !== undefined);
  const estimate = (p: number): Estimate => {
    const interval = bootstrap(known, (sample) => quantile(sample, p), rng);
    return {
      value: finite(quantile(known, p)),
      low: interval && finite(interval.low),
      high: interval && finite(interval.high),
    };
  };
  return {
    values: known.map(finite),
    never: known.filter((value) => !Number.isFinite(value)).length,
    p50: estimate(0.5),
    p95: estimate(0.95),
  };
}
