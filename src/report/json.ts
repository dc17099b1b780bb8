import type { JournalEvent } from '../core/events.ts';
import type { Outcome } from '../core/model.ts';
import { exitCodes } from '../core/model.ts';
import { eventsOf } from '../core/timeline.ts';
import type { InjectionStory } from './injections.ts';
import { openInjections } from './phrases.ts';
import { type HypothesisStory, tellStory } from './story.ts';

/**
 * One run for machines. Keys are stable: new ones may come, none goes or changes its meaning within `version` 1.
 * Times ending in `Ms` are milliseconds; those ending in `AtMs` count from the start of the run.
 */
export interface RunReport {
  readonly version: 1;
  readonly run: string;
  readonly experiment: string;
  readonly description: string | null;
  /** ISO 8601, UTC. */
  readonly startedAt: string | null;
  readonly elapsedMs: number;
  readonly host: string | null;
  readonly author: { readonly role: string; readonly user: string } | null;
  readonly zashiki: string | null;
  readonly dryRun: boolean;
  /** True: fault and target are hidden because the drill still goes on. */
  readonly sealed: boolean;
  readonly seed: number | null;
  readonly hash: string | null;
  readonly replay: string | null;
  readonly verdict: {
    /** Null: the journal ends without a verdict. */
    readonly outcome: Outcome | null;
    readonly exitCode: number | null;
    readonly unverified: boolean;
    readonly reasons: readonly string[];
  };
  /** The slowest hypothesis' recovery; null when one did not recover or nothing was judged. */
  readonly recoveryMs: number | null;
  readonly hypotheses: readonly HypothesisReport[];
  readonly injections: readonly InjectionReport[];
  /** Ids of injections that may still be in place. */
  readonly outstanding: readonly string[];
  readonly wouldInject: readonly { readonly step: string; readonly fault: string; readonly target: TargetReport }[];
  readonly refusals: readonly { readonly guard: string; readonly reason: string; readonly step: string | null }[];
  readonly rollbacks: readonly { readonly name: string; readonly ok: boolean; readonly detail: string }[];
  readonly warnings: readonly string[];
  readonly aborted: { readonly reason: string; readonly by: string } | null;
}

interface TargetReport {
  readonly platform: string;
  readonly id: string;
  readonly name: string;
}

interface HypothesisReport {
  readonly name: string;
  readonly probe: string | null;
  readonly judged: 'good' | 'bad' | 'not judged';
  readonly notes: readonly string[];
  readonly readings: { readonly good: number; readonly all: number };
  readonly during: { readonly good: number; readonly all: number; readonly atLeast: number | null } | null;
  readonly detectMs: number | null;
  readonly firstHealthyMs: number | null;
  readonly stableMs: number | null;
  readonly recoveryMs: number | null;
  readonly recoversWithinMs: number | null;
  /** Where it was bad, in order. */
  readonly dips: readonly DipReport[];
}

interface DipReport {
  readonly fromAtMs: number;
  /** Null: bad to the end. */
  readonly untilAtMs: number | null;
  /** The injection that came last before it; null: none of ours. */
  readonly injection: string | null;
  readonly recoveryMs: number | null;
  /** The reading farthest from the usual one, where readings are numbers. */
  readonly worst: number | null;
  readonly usual: number | null;
  /** Its recovery took far longer than the others of this hypothesis, whose median is `othersMs`. */
  readonly farSlower: { readonly othersMs: number } | null;
}

interface InjectionReport {
  readonly id: string;
  readonly step: string;
  readonly fault: string;
  readonly target: TargetReport;
  readonly params: unknown;
  /** How it was done, where there are several ways. */
  readonly note: string | null;
  readonly reversible: boolean;
  readonly state: InjectionStory['state'];
  readonly injectedAtMs: number | null;
  readonly recoveredAtMs: number | null;
  readonly recoveredBy: string | null;
  readonly observed: { readonly real: boolean; readonly detail: string; readonly early?: boolean } | null;
  readonly verified: { readonly clean: boolean; readonly detail: string } | null;
}

/** The report as an object; see RunReport. */
export function runReport(events: readonly JournalEvent[]): RunReport {
  const story = tellStory(events);
  const { start, plan, finish, timed } = story;
  const names = plan?.experiment.spec.rollbacks.map(({ name }) => name) ?? [];
  const aborted = eventsOf(timed, 'aborted')[0]?.event;
  return {
    version: 1,
    run: story.run,
    experiment: story.name,
    description: plan?.experiment.spec.description ?? null,
    startedAt: story.startedAt === null ? null : new Date(story.startedAt).toISOString(),
    elapsedMs: story.elapsed,
    host: start?.host ?? null,
    author: start ? { role: start.author.role, user: start.author.user } : null,
    zashiki: start?.version ?? null,
    dryRun: start?.dryRun ?? false,
    sealed: story.sealed,
    seed: story.sealed ? null : (plan?.seed ?? null),
    hash: plan?.hash ?? null,
    replay: story.sealed ? null : (start?.replay ?? null),
    verdict: {
      outcome: finish?.outcome ?? null,
      exitCode: finish ? exitCodes[finish.outcome] : null,
      unverified: story.unverified,
      reasons: finish?.reasons ?? [],
    },
    recoveryMs: story.measurement.recovery,
    hypotheses: story.hypotheses.map(hypothesisReport),
    injections: story.injections.map(injectionReport),
    outstanding: openInjections(story).map(({ id }) => id),
    wouldInject: eventsOf(timed, 'would-inject').map(({ event }) => ({
      step: event.step,
      fault: event.fault,
      target: targetReport(event.target),
    })),
    refusals: eventsOf(timed, 'guard-refused').map(({ event: { guard, reason, step } }) => ({
      guard,
      reason,
      step: step ?? null,
    })),
    rollbacks: eventsOf(timed, 'rollback').map(({ event: { index, ok, detail } }) => ({
      name: names[index] ?? `rollback ${index + 1}`,
      ok,
      detail,
    })),
    warnings: eventsOf(timed, 'warning').map(({ event }) => event.message),
    aborted: aborted ? { reason: aborted.reason, by: aborted.author.role } : null,
  };
}

/** The report as JSON text, indented, with a line break at the end. */
export function jsonReport(events: readonly JournalEvent[]): string {
  return `${JSON.stringify(runReport(events), null, 2)}\n`;
}

const targetReport = ({ platform, id, name }: TargetReport): TargetReport => ({ platform, id, name });

function hypothesisReport({
  name,
  hypothesis,
  judged,
  notes,
  samples,
  times,
  dips,
}: HypothesisStory): HypothesisReport {
  return {
    name,
    probe: hypothesis?.probe.id ?? null,
    judged,
    notes,
    readings: { good: samples.filter(({ ok }) => ok).length, all: samples.length },
    during: times
      ? { good: times.during.ok, all: times.during.all, atLeast: hypothesis?.during?.atLeast ?? null }
      : null,
    detectMs: times?.detect ?? null,
    firstHealthyMs: times?.firstHealthy ?? null,
    stableMs: times?.stable ?? null,
    recoveryMs: times?.recovery ?? null,
    recoversWithinMs: hypothesis?.recoversWithin ?? null,
    dips: dips.map(({ from, until, injection, recovery, worst, usual, farSlower }) => ({
      fromAtMs: from,
      untilAtMs: until,
      injection,
      recoveryMs: recovery,
      worst,
      usual,
      farSlower: farSlower && { othersMs: farSlower.usual },
    })),
  };
}

function injectionReport(injection: InjectionStory): InjectionReport {
  const { id, step, fault, target, params, note, reversible, state, injectedAt, recovered, observed, verified } =
    injection;
  return {
    id,
    step,
    fault,
    target: targetReport(target),
    params,
    note,
    reversible,
    state,
    injectedAtMs: injectedAt,
    recoveredAtMs: recovered?.t ?? null,
    recoveredBy: recovered?.by.role ?? null,
    observed,
    verified,
  };
}
