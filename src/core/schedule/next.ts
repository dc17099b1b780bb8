import type { EpochMs, Window } from '../model.ts';
import type { Rng } from '../ports.ts';
import { inWindow, nextOpening, windowRefusal } from '../window.ts';
import { drawBetween, drawByMean } from './chance.ts';
import { parseCron } from './cron.ts';
import type { ScheduleSpec } from './model.ts';
import { type Line, type ScheduleState, timingOf } from './state.ts';

/** Differences of the clock up to here are ordinary corrections. */
const slack = 5_000;
/** As cron(8) has it: a clock that is set back further was wrong before, and what it showed no longer counts. */
const correction = 3 * 3_600_000;
/** Openings of the window that are tried before a calendar is said never to meet it. */
const triedOpenings = 500;

/** When a line runs next. */
export interface NextFire {
  /** Null: never again. */
  readonly due: EpochMs | null;
  /** `due` was drawn just now and has to be written down before anything waits for it. */
  readonly drawn: boolean;
  /** The first due time that was passed over because the window is closed then. */
  readonly outside: { readonly due: EpochMs; readonly reason: string } | null;
}

/** The schedule's window, read in the schedule's zone where it names none of its own. */
export function windowOf(spec: ScheduleSpec): Window | undefined {
  if (!spec.window) return undefined;
  return { ...spec.window, timezone: spec.window.timezone ?? spec.timezone };
}

/** The calendar of a schedule: the first due time after an instant. Null when it goes by lot. */
function calendarOf(spec: ScheduleSpec, anchor: EpochMs): ((after: EpochMs) => EpochMs | null) | null {
  const timing = spec.schedule;
  const cron = 'cron' in timing ? parseCron(timing.cron, spec.timezone) : null;
  const every = 'every' in timing ? timing.every : cron?.every;
  if (every) return (after) => anchor + (Math.max(0, Math.floor((after - anchor) / every)) + 1) * every;
  return cron && ((after) => cron.next(after));
}

/** Why counting must start anew at `now`; null when the state holds. */
export function anchorReason(spec: ScheduleSpec, state: ScheduleState, now: EpochMs): string | null {
  if (Number.isNaN(state.anchor)) return 'first start';
  if (state.timing !== timingOf(spec)) return 'the timing was changed';
  if (state.suspended) return 'no longer suspended';
  const last = Math.max(state.anchor, ...Object.values(state.lines).map(({ cursor }) => cursor));
  const timing = spec.schedule;
  const fixed = 'every' in timing || ('cron' in timing && parseCron(timing.cron, spec.timezone).every !== null);
  const back = 'cron' in timing && !fixed ? correction : slack;
  return (fixed || 'cron' in timing) && last > now + back ? 'the clock was set back' : null;
}

/**
 * The next due time of a line, not yet decided; it may lie in the past. Fixed rhythms count from the anchor and
 * calendars from what was decided last, so a restart changes neither. A drawn time stands until it is decided, unless
 * the clock was set back so far that it would come too late.
 */
export function nextFire(spec: ScheduleSpec, state: ScheduleState, line: Line, rng: () => Rng, now: EpochMs): NextFire {
  const calendar = calendarOf(spec, state.anchor);
  if (calendar) return { drawn: false, ...nextInWindow(calendar, windowOf(spec), line.cursor) };
  const { planned } = line;
  const timing = spec.schedule;
  if ('random' in timing) {
    const { min, max } = timing.random;
    if (planned && planned.next <= now + max + slack) return { due: planned.next, drawn: false, outside: null };
    return { due: now + drawBetween(rng(), min, max), drawn: true, outside: null };
  }
  if (planned && planned.at <= now + slack) return { due: planned.next, drawn: false, outside: null };
  const mean = 'meanTimeBetween' in timing ? timing.meanTimeBetween : Number.POSITIVE_INFINITY;
  return { due: drawByMean(rng(), mean, windowOf(spec), now), drawn: true, outside: null };
}

function nextInWindow(
  calendar: (after: EpochMs) => EpochMs | null,
  window: Window | undefined,
  after: EpochMs,
): Pick<NextFire, 'due' | 'outside'> {
  let outside: NextFire['outside'] = null;
  let due = calendar(after);
  for (let tried = 0; due !== null && window && !inWindow(window, due); tried += 1) {
    outside ??= { due, reason: windowRefusal(window, due) ?? '' };
    const open = tried < triedOpenings ? nextOpening(window, due) : null;
    if (open === null) return { due: null, outside };
    due = calendar(open - 1);
  }
  return { due, outside };
}

/** Due times that have passed, oldest first; `more`: there were older ones than these. */
export interface PastDue {
  readonly dues: readonly EpochMs[];
  readonly more: boolean;
}

/**
 * What is due by `now` and not yet decided: the newest `keep` times. Those that fall outside of the window are left
 * out, except for a random interval, which is drawn without regard to it.
 */
export function pastDue(spec: ScheduleSpec, state: ScheduleState, line: Line, now: EpochMs, keep: number): PastDue {
  const calendar = calendarOf(spec, state.anchor);
  if (!calendar) {
    const next = line.planned?.next;
    return { dues: next !== undefined && next <= now ? [next] : [], more: false };
  }
  const window = windowOf(spec);
  // A daemon may have been down for a year with a run due every second: look back only as far as is needed.
  for (let span = 60_000; ; span *= 2) {
    const from = Math.max(line.cursor, now - span);
    const dues: EpochMs[] = [];
    let due = nextInWindow(calendar, window, from).due;
    while (due !== null && due <= now) {
      dues.push(due);
      due = nextInWindow(calendar, window, due).due;
    }
    if (from === line.cursor) return { dues: dues.slice(-keep), more: dues.length > keep };
    if (dues.length > keep) return { dues: dues.slice(-keep), more: true };
  }
}
