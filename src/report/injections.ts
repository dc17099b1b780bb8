import type { Author, JournalEvent } from '../core/events.ts';
import { type InjectionRecord, injectionRecords } from '../core/injections.ts';
import type { JsonObject, Milliseconds, TargetRef } from '../core/model.ts';

/** One injection from intent to verified, as far as the journal tells. Times are on the run's own time line. */
export interface InjectionStory {
  readonly id: string;
  readonly step: string;
  readonly fault: string;
  readonly target: TargetRef;
  readonly params: JsonObject;
  /** How it was done, where there are several ways. */
  readonly note: string | null;
  readonly reversible: boolean;
  readonly intentAt: Milliseconds;
  readonly injectedAt: Milliseconds | null;
  /** Why it could not be injected. */
  readonly failed: string | null;
  readonly observed: { readonly real: boolean; readonly detail: string; readonly early?: boolean } | null;
  readonly recovered: { readonly t: Milliseconds; readonly by: Author; readonly how: 'undone' | 'gone' } | null;
  /** Why the last try to undo it failed. */
  readonly recoverError: string | null;
  readonly verified: { readonly clean: boolean; readonly detail: string } | null;
  readonly state: InjectionState;
}

/**
 * `planned`: written down, not (known to be) injected; `on`: the fault is on; `done`: one-shot, nothing stays;
 * `recovered`: undone, not yet checked; `verified`: checked clean; `outstanding`: may still be in place.
 */
export type InjectionState = 'planned' | 'on' | 'done' | 'recovered' | 'verified' | 'failed' | 'outstanding';

/** All injections of a journal, in the order of their intents. */
export function injectionStories(events: readonly JournalEvent[]): readonly InjectionStory[] {
  const over = events.some(({ type }) => type === 'run-finished');
  return injectionRecords(events).map((record) => {
    const { intent, written, injected, failed, observed, recovered, recoverError, verified } = record;
    return {
      id: intent.injection,
      step: intent.step,
      fault: intent.fault,
      target: intent.target,
      params: intent.params,
      note: intent.note ?? null,
      reversible: intent.reversible,
      intentAt: written.t,
      injectedAt: injected?.t ?? null,
      failed: failed?.message ?? null,
      observed,
      recovered: recovered && { t: recovered.t, by: recovered.author, how: recovered.how },
      recoverError: recoverError?.message ?? null,
      verified,
      state: stateOf(record, over),
    };
  });
}

function stateOf(
  { intent, injected, failed, recovered, recoverError, verified }: InjectionRecord,
  over: boolean,
): InjectionState {
  if (!intent.reversible) return failed ? 'failed' : injected ? 'done' : 'planned';
  if (verified && recovered) return verified.clean ? 'verified' : 'outstanding';
  if (recovered) return 'recovered';
  if (recoverError || over) return 'outstanding';
  if (failed) return 'failed';
  return injected ? 'on' : 'planned';
}

/** What one injection's state means, in a few words for a table. */
const stateWords: Readonly<Record<InjectionState, string>> = {
  planned: 'written down, not injected',
  on: 'on now',
  done: 'one-shot, nothing to undo',
  recovered: 'undone',
  verified: 'undone and verified',
  failed: 'could not be injected',
  outstanding: 'may still be in place',
};

/** Those that ended with their target: what was on is gone with it, before its time perhaps, and nobody undid it. */
export const wentWithTarget = ({ state, recovered }: InjectionStory): boolean =>
  recovered?.how === 'gone' && (state === 'verified' || state === 'recovered');

/** How one injection stands, in a few words for a table. */
export const standing = (injection: InjectionStory): string =>
  wentWithTarget(injection) ? 'gone with its target' : stateWords[injection.state];

/** How many of the injections went with their targets, for the end of a list; nothing when none did. */
export function goneText(injections: readonly InjectionStory[]): string | undefined {
  const gone = injections.filter(wentWithTarget).length;
  return gone === 0 ? undefined : `${gone} gone with ${gone === 1 ? 'its target' : 'their targets'}`;
}
