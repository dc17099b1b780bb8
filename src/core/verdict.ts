import { isWatch } from './dips.ts';
import { formatDuration } from './duration.ts';
import type { JournalEvent } from './events.ts';
import { type InjectionRecord, injectionRecords } from './injections.ts';
import { measure, type ProbeTimes } from './measure.ts';
import type { Experiment, Hypothesis, Milliseconds, Outcome, Verdict } from './model.ts';
import { type Judged, judgeWatched, percent, slowDips } from './watched.ts';

/**
 * What a run's events amount to. The worst wins: rollback-incomplete, refused, skipped, deviated, held. Nothing was
 * injected and the run was stopped: skipped. A dry run that nothing speaks against is held and unverified.
 */
export function judge(experiment: Experiment, events: readonly JournalEvent[]): Verdict {
  const records = injectionRecords(events);
  const { spec } = experiment;
  const verdict = (outcome: Outcome, ...reasons: readonly string[]): Verdict => ({
    outcome,
    unverified: spec.steadyStateHypothesis.length === 0 || dryRun,
    reasons: [...new Set(reasons)],
  });
  const dryRun = events.some((event) => event.type === 'run-started' && event.dryRun);
  const refused = events.filter((event) => event.type === 'guard-refused');
  const refusals = refused.map(refusal);
  // A guard that refuses a step also stops the run, with the same words.
  const stopped = stops(
    events.filter(
      (event) => !refused.some((r) => 'reason' in event && event.type === 'aborted' && event.reason === r.reason),
    ),
  );
  const touched = records.some(({ failed }) => failed === null);
  const wanted = !isWatch(spec);
  const judged = touched
    ? judgeHypotheses(experiment, events, stopped.length > 0)
    : wanted || dryRun
      ? { bad: [], good: [] }
      : judgeWatched(spec, events);

  const left = [...leftBehind(records), ...failedRollbacks(experiment, events)];
  if (left.length > 0) return verdict('rollback-incomplete', ...left, ...stopped, ...judged.bad);
  if (refusals.length > 0 && !touched) return verdict('refused', ...refusals);
  const unsteady = notSteadyBefore(experiment, events);
  if (unsteady.length > 0) return verdict('skipped', ...stopped, ...unsteady);
  if (dryRun)
    return stopped.length > 0 ? verdict('skipped', ...stopped) : verdict('held', 'dry run: nothing was injected');
  const idle = withoutEffect(events, records);
  if (stopped.length > 0 && !touched) return verdict('skipped', ...stopped, 'nothing had been injected');
  if (wanted && !records.some(tookEffect)) {
    return verdict(
      'skipped',
      ...stopped,
      ...(idle.length > 0 ? idle : ['the fault had no effect: nothing was injected']),
    );
  }
  const strangers = stopped.length > 0 ? [] : recoveredByOthers(records);
  const bad = [...stopped, ...refusals, ...strangers, ...judged.bad];
  const slow = slowDips(spec, events);
  if (bad.length > 0) return verdict('deviated', ...bad, ...slow, ...idle);
  if (spec.steadyStateHypothesis.length === 0) {
    return verdict('held', 'unverified: there is no steady-state hypothesis, so nothing was judged', ...idle);
  }
  return verdict('held', ...judged.good, ...slow, ...idle);
}

/** Reasons why the run was ended early, in order. */
function stops(events: readonly JournalEvent[]): readonly string[] {
  return events.flatMap((event) => {
    if (event.type !== 'aborted') return [];
    return [/^stopped\b/.test(event.reason) ? event.reason : `stopped: ${event.reason}`];
  });
}

const refusal = ({ guard, reason, step }: Extract<JournalEvent, { type: 'guard-refused' }>): string =>
  `refused by the guard ${guard}${step ? ` at ${step}` : ''}: ${reason}`;

const nameOf = ({ intent }: InjectionRecord): string =>
  `${intent.fault} on ${intent.target.name} (${intent.target.id})`;

/** A failed inject counts too: it may have been half done, and whoever injects recovers it. */
function leftBehind(records: readonly InjectionRecord[]): readonly string[] {
  return records.flatMap((record) => {
    const { intent, recovered, recoverError, verified } = record;
    if (!intent.reversible) return [];
    if (recovered === null) {
      return [`${nameOf(record)} is still on: ${recoverError?.message ?? 'it was not recovered'}`];
    }
    return verified?.clean === false ? [`${nameOf(record)} left something behind: ${verified.detail}`] : [];
  });
}

function failedRollbacks({ spec }: Experiment, events: readonly JournalEvent[]): readonly string[] {
  const last = new Map<number, Extract<JournalEvent, { type: 'rollback' }>>();
  for (const event of events) if (event.type === 'rollback') last.set(event.index, event);
  return [...last.values()]
    .filter(({ ok }) => !ok)
    .map(({ index, detail }) => `the rollback "${spec.rollbacks[index]?.name ?? index}" failed: ${detail}`);
}

/** The first check before the method failed: which hypothesis, and what was read. */
function notSteadyBefore({ spec }: Experiment, events: readonly JournalEvent[]): readonly string[] {
  if (events.some((event) => event.type === 'phase' && event.phase === 'method')) return [];
  return spec.steadyStateHypothesis.flatMap(({ name }, index) => {
    const bad = events.findLast(
      (event) => event.type === 'probe' && event.of === 'hypothesis' && event.index === index && !event.ok,
    );
    return bad?.type === 'probe' ? [`not steady before: ${name}: ${bad.why ?? 'out of tolerance'}`] : [];
  });
}

/** The run died, or never looked, in between: the benefit of the doubt goes to the effect. */
const tookEffect = ({ failed, observed }: InjectionRecord): boolean => failed === null && observed?.real !== false;

/** One line for each thing that was to be done and had no effect. */
function withoutEffect(events: readonly JournalEvent[], records: readonly InjectionRecord[]): readonly string[] {
  const skipped = events.flatMap((event) =>
    event.type === 'step-skipped' ? [`nothing was done at ${event.step}: ${event.reason}`] : [],
  );
  const failed = records.flatMap((record) =>
    record.failed === null ? [] : [`${nameOf(record)} could not be injected: ${record.failed.message}`],
  );
  const vain = records.flatMap((record) =>
    record.failed === null && record.observed?.real === false
      ? [
          `the fault ${record.observed.early ? 'did not stay on' : 'had no effect'}: ${nameOf(record)}: ${record.observed.detail}`,
        ]
      : [],
  );
  return [...skipped, ...failed, ...vain];
}

/** The runner was gone or late, so that somebody else had to undo its faults. */
function recoveredByOthers(records: readonly InjectionRecord[]): readonly string[] {
  return records.flatMap((record) => {
    const role = record.recovered?.author.role;
    if (role !== 'reaper' && role !== 'startup' && role !== 'recover') return [];
    const who = { reaper: 'the reaper', startup: 'a later start', recover: '`zashiki recover`' }[role];
    return [`${nameOf(record)} was undone by ${who}, not by the run itself`];
  });
}

function judgeHypotheses({ spec }: Experiment, events: readonly JournalEvent[], stopped: boolean): Judged {
  const { probes, windows } = measure(events);
  const lasting = windows.some((window) => window.lasting);
  const each = spec.steadyStateHypothesis.map((hypothesis, index): Judged => {
    const times = probes[index];
    if (!times) return { bad: [], good: [] };
    const during = judgeDuring(hypothesis, times, lasting && !stopped);
    const after = judgeAfter(hypothesis, times, events, index, stopped);
    const parts = [during, after].filter((part) => part !== null);
    const line = (ok: boolean) => parts.filter((part) => part.ok === ok).map(({ text }) => text);
    const say = (texts: readonly string[]) => (texts.length > 0 ? [`${hypothesis.name}: ${texts.join(', ')}`] : []);
    return { bad: say(line(false)), good: say(line(true)) };
  });
  return { bad: each.flatMap(({ bad }) => bad), good: each.flatMap(({ good }) => good) };
}

interface Part {
  readonly ok: boolean;
  readonly text: string;
}

/** No reading at all is fine for a one-shot fault (it was never bad), but proves nothing about a lasting one. */
function judgeDuring({ during }: Hypothesis, { during: { ok, all } }: ProbeTimes, mustBeRead: boolean): Part | null {
  if (all === 0) {
    if (!during || !mustBeRead) return null;
    const wanted = percent(during.atLeast);
    return { ok: false, text: `no reading while the fault was on, at least ${wanted} good wanted: read more often` };
  }
  const text = `${percent(ok / all)} good while the fault was on`;
  if (!during) return { ok: true, text };
  return { ok: ok / all >= during.atLeast, text: `${text}, at least ${percent(during.atLeast)} wanted` };
}

/** Null: the run was stopped before the time was up, and nothing bad was left to be seen. */
function judgeAfter(
  { recoversWithin, every }: Hypothesis,
  { recovery, detect }: ProbeTimes,
  events: readonly JournalEvent[],
  index: number,
  stopped: boolean,
): Part | null {
  const limit = formatDuration(recoversWithin);
  if (recovery !== null) {
    const ok = recovery <= recoversWithin;
    if (ok && recovery === 0) return { ok, text: detect === null ? 'never bad' : 'good at once after the fault' };
    return { ok, text: `recovered after ${formatDuration(recovery)} (limit ${limit})` };
  }
  const last = events.findLast((event) => event.type === 'probe' && event.of === 'hypothesis' && event.index === index);
  if (last?.type === 'probe' && !last.ok) {
    if (isCutShort(recoversWithin, every, events, index)) {
      return { ok: false, text: 'recovery not observed: the run was stopped' };
    }
    return { ok: false, text: `not recovered (limit ${limit}), last read: ${last.why ?? 'out of tolerance'}` };
  }
  return stopped ? null : { ok: false, text: 'no reading after the fault, so recovery cannot be judged' };
}

/** Was the run stopped, and reading with it, before a hypothesis had the time to recover that it is allowed? */
export function isCutShort(
  recoversWithin: Milliseconds,
  every: Milliseconds,
  events: readonly JournalEvent[],
  index: number,
): boolean {
  if (!events.some(({ type }) => type === 'aborted')) return false;
  const last = events.findLast((event) => event.type === 'probe' && event.of === 'hypothesis' && event.index === index);
  const ends = measure(events).windows.map(({ until }) => until ?? Number.POSITIVE_INFINITY);
  // The next reading would have come within `every`.
  return last !== undefined && last.at + every < Math.max(...ends) + recoversWithin;
}
