import { formatDuration } from '../core/duration.ts';
import type { EpochMs, Milliseconds } from '../core/model.ts';
import type { SlowRun } from '../core/series.ts';
import { slowerText } from '../core/watched.ts';
import type { InjectionStory } from './injections.ts';
import { type OutcomeWords, outcomeWords } from './outcome.ts';
import { formatShare, type HypothesisStory, type Story } from './story.ts';

/** One line on how a hypothesis fared, for its panel: `steady again after 1.4 s (5 s allowed)`. */
export function outcomeNote(story: HypothesisStory): string {
  const { times, hypothesis, samples } = story;
  if (!times) {
    const good = samples.filter((sample) => sample.ok).length;
    return samples.length === 0 ? 'not read' : `${good} of ${samples.length} readings were good`;
  }
  const parts: string[] = [];
  if (times.during.all > 0) {
    const needed = hypothesis?.during ? ` (${formatShare(hypothesis.during.atLeast)} needed)` : '';
    parts.push(`${formatShare(times.during.ok / times.during.all)} good under fault${needed}`);
  }
  if (story.judged === 'not judged') return parts.join(' · ');
  if (times.recovery === null) parts.push(isLost(story) ? 'never steady again' : 'not read after the fault');
  else if (times.recovery === 0) parts.push(times.detect === null ? 'never bad' : 'steady at once');
  else parts.push(`steady again after ${formatDuration(times.recovery)}`);
  const mark = story.judged === 'good' ? '✔' : '✘';
  return `${mark} ${parts.join(' · ')}`;
}

/** The headline's sentence: what became of the system, with the recovery time where there is one. */
export function verdictSentence(story: Story): string {
  const touched = story.injections.some((injection) => injection.injectedAt !== null);
  const { recovery, probes } = story.measurement;
  const plain = outcomeWords[story.ending].sentence;
  switch (story.ending) {
    case 'held': {
      if (story.unverified) return 'The faults came and went, but no hypothesis was given, so nothing was judged.';
      if (recovery === null || !touched) return plain;
      if (recovery > 0) return `The system took the fault and was steady again after ${formatDuration(recovery)}.`;
      return probes.some((probe) => probe.detect !== null)
        ? 'The fault was felt while it was on, as far as that is allowed, and the system was steady as soon as it ended.'
        : 'The system did not even flinch: every reading was good.';
    }
    case 'deviated':
      if (story.timed.some(({ event }) => event.type === 'aborted')) {
        return 'The run was stopped before its end. Every fault is undone.';
      }
      return story.hypotheses.some(isLost)
        ? 'The system did not find its way back to normal in the time allowed. Every fault is undone.'
        : plain;
    case 'skipped':
      return skippedSentence(story);
    case 'unfinished': {
      const open = story.injections.filter(
        ({ state }) => state === 'on' || state === 'planned' || state === 'outstanding',
      );
      if (open.length > 0) {
        return `The journal stops while ${count(open.length, 'fault')} may still be on. Run \`zashiki recover\` to undo what is left.`;
      }
      return touched ? 'The run ended without a verdict; all its faults are undone.' : plain;
    }
    default:
      return plain;
  }
}

/** Not steady before, stopped first, could not be injected, or no effect seen. */
function skippedSentence({ timed, finish, injections }: Story): string {
  if (finish?.reasons.some((reason) => reason.startsWith('not steady before'))) return outcomeWords.skipped.sentence;
  if (injections.some(({ failed, observed }) => failed === null && observed?.real === false)) {
    const early = injections.some(({ observed }) => observed?.early);
    const what = early ? 'The fault did not stay on for its time' : 'The fault had no effect';
    return `${what}, so nothing was judged. What was done is undone.`;
  }
  if (timed.some(({ event }) => event.type === 'aborted')) return 'The run was stopped before anything was injected.';
  return injections.length > 0
    ? 'The fault could not be injected, so nothing was judged.'
    : 'Nothing could be injected, so nothing was judged.';
}

/** `1 fault`, `3 faults`. */
export function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}

/** Milliseconds, or a word for what is not there. */
export function timeOr(ms: Milliseconds | null | undefined, otherwise: string): string {
  return ms === null || ms === undefined ? otherwise : formatDuration(ms);
}

/** `2026-11-20 05:12:07 UTC`. */
export function utc(at: EpochMs): string {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? 'unknown time' : `${date.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/** A point on the run's time line: `+3.20 s`, `+2:05`. */
export function offset(t: Milliseconds): string {
  if (t < 120_000) return `+${(t / 1000).toFixed(t < 10_000 ? 2 : 1)} s`;
  return `+${formatDuration(t)}`;
}

/** Injections that may still be in place. */
export function openInjections(story: Story): readonly InjectionStory[] {
  return story.injections.filter(({ state, reversible }) => {
    return state === 'on' || state === 'outstanding' || (state === 'planned' && reversible);
  });
}

/** The verdict's tone; a run without a verdict alarms only while something may still be in place. */
export function toneOf(story: Story): OutcomeWords['tone'] {
  if (story.ending === 'unfinished' && openInjections(story).length === 0) return 'quiet';
  return outcomeWords[story.ending].tone;
}

/** Bad to the end, which is not the same as not read after the fault. */
export function isLost({ times, cutShort }: HypothesisStory): boolean {
  return times !== null && !cutShort && times.recovery === null && times.detect !== null && times.stable === null;
}

/** The recovery time, or what there is instead of one. */
export function recoveryText(story: HypothesisStory): string {
  return timeOr(story.times?.recovery, isLost(story) ? 'not recovered' : story.cutShort ? 'not observed' : 'not known');
}

/** Of a run in a series: `took 9 min to recover, 8.6 times as long as the others (1.1 min)`. */
export const slowRunText = ({ recovery, usual }: SlowRun): string => slowerText(recovery, usual);
