import { systemClock } from '../core/clock.ts';
import type { JournalEvent } from '../core/events.ts';
import type { Milliseconds } from '../core/model.ts';
import type { Clock } from '../core/ports.ts';
import { announcement, report } from './message.ts';
import { DeliveryError, type Notice, type Notifier, type RunStarted } from './notifier.ts';

export interface FanOutOptions {
  readonly notifiers: readonly Notifier[];
  /** Told once per notice that is given up, and when a queue is full. */
  readonly onWarning?: (message: string) => void;
  readonly clock?: Clock;
  /** For one try. Default 5 s. */
  readonly timeout?: Milliseconds;
  /** Waits before the second, third and fourth try. Default 0.5 s, 1 s, 2 s. */
  readonly backoff?: readonly Milliseconds[];
  /** Notices that wait for one notifier. Default 100; further ones are dropped with a warning. */
  readonly capacity?: number;
}

/** All notifiers as one. Nothing here throws or makes a run wait, except `flush`. */
export interface FanOut {
  announce(started: RunStarted): void;
  /** Tell the outcome, read from all events of a finished run. */
  report(events: readonly JournalEvent[]): void;
  /**
   * A listener for one run's events: announces once the guards have let it go, before anything is injected; reports at
   * `run-finished`. A refused run is only reported.
   */
  follow(): (event: JournalEvent) => void;
  /** Wait until all is sent or given up, at most `limit` (default 10 s); what is left then is dropped with a warning. */
  flush(limit?: Milliseconds): Promise<void>;
}

/** One queue per notifier, so that order is kept and a slow one delays no other. */
export function fanOut(options: FanOutOptions): FanOut {
  const queues = options.notifiers.map((notifier) => deliveryQueue(notifier, options));
  const tell = (make: () => Notice | undefined) => {
    try {
      const notice = make();
      if (notice) for (const queue of queues) queue.push(notice);
    } catch (error) {
      options.onWarning?.(`a notice could not be written: ${messageOf(error)}`);
    }
  };
  const fan: FanOut = {
    announce: (started) => tell(() => announcement(started)),
    report: (events) => tell(() => report(events)),
    follow() {
      const events: JournalEvent[] = [];
      let unannounced: RunStarted | undefined;
      return (event) => {
        events.push(event);
        if (event.type === 'run-started') unannounced = event;
        if (event.type === 'phase' && event.phase !== 'done' && unannounced) {
          fan.announce(unannounced);
          unannounced = undefined;
        }
        if (event.type === 'run-finished') fan.report(events);
      };
    },
    async flush(limit = 10_000) {
      const late = new AbortController();
      const timer = setTimeout(() => late.abort(), limit);
      await Promise.all(queues.map((queue) => queue.drain(late.signal)));
      clearTimeout(timer);
    },
  };
  return fan;
}

interface DeliveryQueue {
  push(notice: Notice): void;
  drain(late: AbortSignal): Promise<void>;
}

function deliveryQueue(notifier: Notifier, options: FanOutOptions): DeliveryQueue {
  const waiting: Notice[] = [];
  const capacity = options.capacity ?? 100;
  const warn = (message: string) => options.onWarning?.(`notifier ${notifier.id}: ${message}`);
  let giveUp = new AbortController();
  let working: Promise<void> | undefined;

  const work = async () => {
    for (let notice = waiting.shift(); notice; notice = waiting.shift()) {
      const failure = await deliver(notifier, notice, options, giveUp.signal);
      if (failure !== null) warn(`${notice.kind} of run ${notice.run} was not delivered: ${failure}`);
    }
    working = undefined;
  };

  return {
    push(notice) {
      if (waiting.length >= capacity) {
        warn(`${capacity} notices wait already; ${notice.kind} of run ${notice.run} is dropped`);
        return;
      }
      waiting.push(notice);
      working ??= work();
    },
    async drain(late) {
      const stop = () => giveUp.abort();
      late.addEventListener('abort', stop, { once: true });
      if (late.aborted) stop();
      while (working) await working;
      late.removeEventListener('abort', stop);
      giveUp = new AbortController();
    },
  };
}

/** Null when delivered, else why it was given up. */
async function deliver(
  notifier: Notifier,
  notice: Notice,
  options: FanOutOptions,
  giveUp: AbortSignal,
): Promise<string | null> {
  const { clock = systemClock, timeout = 5000, backoff = [500, 1000, 2000] } = options;
  for (let tries = 0; ; tries++) {
    if (giveUp.aborted) return 'no time was left';
    try {
      await oneTry(notifier, notice, timeout, giveUp);
      return null;
    } catch (error) {
      const again = !(error instanceof DeliveryError) || error.again;
      const pause = backoff[tries];
      if (!again || pause === undefined || giveUp.aborted) return messageOf(error);
      const asked = error instanceof DeliveryError ? error.after : 0;
      await clock.sleep(Math.max(pause, asked), giveUp).catch(() => undefined);
    }
  }
}

/** Ends after `timeout` even when the notifier ignores its signal. */
async function oneTry(notifier: Notifier, notice: Notice, timeout: Milliseconds, giveUp: AbortSignal): Promise<void> {
  const signal = AbortSignal.any([AbortSignal.timeout(timeout), giveUp]);
  let fail: (() => void) | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    fail = () => reject(new DeliveryError(giveUp.aborted ? 'no time was left' : `no answer within ${timeout} ms`));
    signal.addEventListener('abort', fail, { once: true });
  });
  try {
    await Promise.race([notifier.send(notice, signal), late]);
  } finally {
    if (fail) signal.removeEventListener('abort', fail);
  }
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
