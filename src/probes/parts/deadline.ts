import { setMaxListeners } from 'node:events';
import { formatDuration } from '../../core/duration.ts';
import type { Milliseconds } from '../../core/model.ts';

/** What a work that ran out of time is aborted with, and what `withDeadline` then rejects with. */
export class TimedOut extends Error {
  constructor(limit: Milliseconds) {
    super(`no answer within ${formatDuration(limit)}`);
    this.name = 'TimedOut';
  }
}

/**
 * Run `work` with a signal that aborts after `limit` (reason: TimedOut) or together with `outer` (reason: its own).
 * Whatever a work throws once its signal has aborted, the caller gets the reason. Leaves no timer and no listener.
 */
export async function withDeadline<T>(
  limit: Milliseconds,
  outer: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  outer.throwIfAborted();
  // Many readings of a hanging service share one signal; Node would warn of a leak from the eleventh on.
  setMaxListeners(0, outer);
  const inner = new AbortController();
  const follow = () => inner.abort(outer.reason);
  outer.addEventListener('abort', follow, { once: true });
  const timer = setTimeout(() => inner.abort(new TimedOut(limit)), limit);
  try {
    return await work(inner.signal);
  } catch (error) {
    throw inner.signal.aborted ? inner.signal.reason : error;
  } finally {
    clearTimeout(timer);
    outer.removeEventListener('abort', follow);
  }
}

/** Milliseconds since `from` (of `performance.now`), to a tenth. */
export const since = (from: number): Milliseconds => Math.round((performance.now() - from) * 10) / 10;
