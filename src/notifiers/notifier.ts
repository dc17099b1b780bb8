import type { EventOf, JournalEvent } from '../core/events.ts';
import type { EpochMs, JsonObject, Milliseconds } from '../core/model.ts';

/** One message about a run: text for people, and the same facts as JSON for programs. */
export interface Notice {
  readonly kind: 'announce' | 'report';
  /** The run's id; the same for its announcement and its report. */
  readonly run: string;
  readonly at: EpochMs;
  readonly text: string;
  /** What a sealed drill must hide is not in here. */
  readonly facts: JsonObject;
}

/** A place that is told. `send` throws a DeliveryError, or anything else for a failure that is worth another try. */
export interface Notifier {
  /** For warnings, e.g. `slack`; never holds a secret. */
  readonly id: string;
  send(notice: Notice, signal: AbortSignal): Promise<void>;
}

/** Why a notice was not taken. `again` is false when the same request would fail again (a wrong token or channel). */
export class DeliveryError extends Error {
  readonly again: boolean;
  /** Wait at least this long before the next try, as the peer asked. */
  readonly after: Milliseconds;

  constructor(message: string, more: { readonly again?: boolean; readonly after?: Milliseconds } = {}) {
    super(message);
    this.name = 'DeliveryError';
    this.again = more.again ?? true;
    this.after = more.after ?? 0;
  }
}

export type RunStarted = EventOf<'run-started'>;
export type { JournalEvent };
