import type { Author, ErrorRecord, EventOf, JournalEvent } from './events.ts';
import type { EpochMs, Milliseconds } from './model.ts';
import { onTimeLine } from './timeline.ts';

/** A moment on the run's time line and on the wall clock. */
export interface Moment {
  readonly t: Milliseconds;
  readonly at: EpochMs;
}

/** What the journal says about one injection. */
export interface InjectionRecord {
  readonly intent: EventOf<'intent'>;
  readonly written: Moment;
  /** `began`: when inject was called; `t`: when it had returned. */
  readonly injected: (Moment & { readonly began: Milliseconds }) | null;
  readonly failed: ErrorRecord | null;
  /** Null: not looked, or the look was cut short. */
  readonly observed: { readonly real: boolean; readonly detail: string; readonly early?: boolean } | null;
  readonly recovered: (Moment & { readonly author: Author; readonly how: 'undone' | 'gone' }) | null;
  /** Of the last try to undo it. */
  readonly recoverError: ErrorRecord | null;
  /** Of the last look after recover. */
  readonly verified: { readonly clean: boolean; readonly detail: string } | null;
}

type Draft = { -readonly [K in keyof InjectionRecord]: InjectionRecord[K] };

/** All injections of a run in the order of their intents, folded from its events. */
export function injectionRecords(events: readonly JournalEvent[]): readonly InjectionRecord[] {
  const records = new Map<string, Draft>();
  for (const { t, event } of onTimeLine(events)) {
    const moment = { t, at: event.at };
    if (event.type === 'intent') {
      records.set(event.injection, {
        intent: event,
        written: moment,
        injected: null,
        failed: null,
        observed: null,
        recovered: null,
        recoverError: null,
        verified: null,
      });
    }
    const record = 'injection' in event ? records.get(event.injection) : undefined;
    if (!record) continue;
    if (event.type === 'injected') record.injected = { ...moment, began: t - event.took };
    else if (event.type === 'inject-failed') record.failed = event.error;
    else if (event.type === 'observed') {
      const { real, detail, early } = event;
      record.observed = { real, detail, ...(early ? { early } : {}) };
    } else if (event.type === 'recovered') record.recovered = { ...moment, author: event.author, how: event.how };
    else if (event.type === 'recover-failed') record.recoverError = event.error;
    else if (event.type === 'verified') record.verified = { clean: event.clean, detail: event.detail };
  }
  return [...records.values()];
}
