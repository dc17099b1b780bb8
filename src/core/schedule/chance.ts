import type { EpochMs, Milliseconds, Window } from '../model.ts';
import type { Rng } from '../ports.ts';
import { nextClosing, nextOpening } from '../window.ts';

/**
 * A span between `min` and `max`, both possible, all equally likely. Whole seconds when both are whole seconds, so
 * that a log can name them.
 */
export function drawBetween(rng: Rng, min: Milliseconds, max: Milliseconds): Milliseconds {
  const unit = min % 1000 === 0 && max % 1000 === 0 ? 1000 : 1;
  return min + unit * rng.below(Math.floor((max - min) / unit) + 1);
}

/** Time is cut into slots; each has the same chance `p` of a run, whatever happened before. */
export interface Slots {
  readonly slot: Milliseconds;
  readonly p: number;
}

/**
 * Slots for a mean distance: p = slot / mean, so the number of slots to the next run is geometric with the mean 1/p,
 * and its time has the mean `mean`. The slot is a hundredth of the mean, a minute at most.
 */
export function slotsFor(mean: Milliseconds): Slots {
  const slot = Math.max(1, Math.min(Math.floor(mean / 100), 60_000));
  return { slot, p: Math.min(1, slot / mean) };
}

/** How many slots until the next run, at least 1: one draw instead of a toss in every slot. */
export function drawSlots(rng: Rng, p: number): number {
  return p >= 1 ? 1 : 1 + Math.floor(Math.log(1 - rng.unit()) / Math.log(1 - p));
}

/** The share of a week in which the window is open, 0..1; holidays and changes of the clock are left out. */
export function openShare(window: Window): number {
  const span = window.to - window.from + 1;
  return (new Set(window.days).size / 7) * ((span > 0 ? span : span + 1440) / 1440);
}

/** The instant at which the window will have been open for `span` since `from`; null when it never will. */
export function afterOpenTime(window: Window, from: EpochMs, span: Milliseconds): EpochMs | null {
  let [at, left] = [from, span];
  for (;;) {
    const open = nextOpening(window, at);
    if (open === null) return null;
    const close = nextClosing(window, open);
    // A run belongs into the slot that has just passed: the last instant of a range is still in it.
    if (open + left < close) return open + left;
    left -= close - open;
    at = close;
  }
}

/**
 * When chance strikes next after `from`, on average once in `mean` of calendar time. With a window, only open time
 * has slots, and their chance is raised by as much as the window is closed, so the mean stays what was asked for
 * (unless the window is too small for it: at most one run per slot). Null when the window never opens.
 */
export function drawByMean(rng: Rng, mean: Milliseconds, window: Window | undefined, from: EpochMs): EpochMs | null {
  const share = window ? openShare(window) : 1;
  const { slot, p } = slotsFor(mean * share);
  const wait = drawSlots(rng, p) * slot;
  return window ? afterOpenTime(window, from, wait) : from + wait;
}
