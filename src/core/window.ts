import type { EpochMs, Window } from './model.ts';
import { instantsOf, type LocalTime, localTime, machineZone, transitions } from './zone.ts';

const dayNames = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'] as const;
const dayMs = 86_400_000;
/** Eight years: the longest wait for a 29 February. */
const horizonDays = 8 * 366;

const two = (n: number) => String(n).padStart(2, '0');
const clockText = (minute: number) => `${two(Math.floor(minute / 60))}:${two(minute % 60)}`;

/** A calendar date as the UTC midnight of the same name: dates are counted, not lived through. */
const dateOf = (local: LocalTime) => Date.UTC(local.year, local.month - 1, local.day);

function isHoliday(window: Window, date: number): boolean {
  const text = new Date(date).toISOString().slice(0, 10);
  return window.holidays.includes(text) || window.holidays.includes(text.slice(5));
}

/** May a window open on this date? */
function opensOn(window: Window, date: number): boolean {
  return window.days.includes(new Date(date).getUTCDay()) && !isHoliday(window, date);
}

/**
 * True while chaos is allowed. Both minutes are inclusive, so 18:00:59 is still in 11:00-18:00. A range over midnight
 * (22:00-06:00) follows the day on which it opened: with Mon-Fri, Saturday 03:00 is in, Monday 03:00 is not. On a
 * holiday nothing happens, also not in the rest of last night's range. Throws RangeError for an unknown zone.
 */
export function inWindow(window: Window, at: EpochMs): boolean {
  const local = localTime(window.timezone ?? machineZone(), at);
  const [today, minute] = [dateOf(local), local.hour * 60 + local.minute];
  if (window.from <= window.to) return minute >= window.from && minute <= window.to && opensOn(window, today);
  if (minute >= window.from) return opensOn(window, today);
  return minute <= window.to && opensOn(window, today - dayMs) && !isHoliday(window, today);
}

/** Why nothing may happen at `at`, e.g. `outside the window: Sat 21:14 in Asia/Tokyo, allowed Mon-Fri 11:00-18:00`. */
export function windowRefusal(window: Window, at: EpochMs): string | null {
  if (inWindow(window, at)) return null;
  const zone = window.timezone ?? machineZone();
  const local = localTime(zone, at);
  const holiday = isHoliday(window, dateOf(local)) ? ' (a holiday)' : '';
  const seen = `${dayNames[local.weekday]} ${clockText(local.hour * 60 + local.minute)}${holiday} in ${zone}`;
  return `outside the window: ${seen}, allowed ${formatWindow(window)}`;
}

/**
 * The first instant, not before `at`, that is in the window: `at` itself while it is open. Null when it does not open
 * within eight years.
 */
export function nextOpening(window: Window, at: EpochMs): EpochMs | null {
  if (inWindow(window, at)) return at;
  const zone = window.timezone ?? machineZone();
  const first = dateOf(localTime(zone, at));
  for (let date = first; date <= first + horizonDays * dayMs; date += dayMs) {
    if (!opensOn(window, date) && !opensOn(window, date - dayMs)) continue;
    const open = edges(window, zone, date).filter((then) => then >= at && inWindow(window, then));
    if (open.length > 0) return Math.min(...open);
  }
  return null;
}

/**
 * The first instant, not before `at`, that is not in the window: `at` itself while it is closed. A window that stays
 * open for longer is cut off a week ahead.
 */
export function nextClosing(window: Window, at: EpochMs): EpochMs {
  if (!inWindow(window, at)) return at;
  const zone = window.timezone ?? machineZone();
  const first = dateOf(localTime(zone, at));
  for (let date = first; date < first + 7 * dayMs; date += dayMs) {
    const closed = edges(window, zone, date).filter((then) => then >= at && !inWindow(window, then));
    if (closed.length > 0) return Math.min(...closed);
  }
  return at + 7 * dayMs;
}

/**
 * Where the window can open or close on a local date and the next: when a day begins, at its first minute, after its
 * last one, and when the clock itself jumps. Two days, because a clock set back over midnight mixes them.
 */
function edges(window: Window, zone: string, date: number): readonly EpochMs[] {
  const minutes = [0, window.from, window.to + 1];
  const days = [date, date + dayMs];
  const starts = days.flatMap((day) => minutes.flatMap((minute) => instantsOf(zone, day + minute * 60_000)));
  const jumps = transitions(zone, date - dayMs, date + 2 * dayMs);
  return [...starts, ...jumps.filter((jump) => dateOf(localTime(zone, jump)) <= date + dayMs)];
}

/** `Mon-Fri 11:00-18:00`. The time zone and the holidays are left out. */
export function formatWindow(window: Pick<Window, 'days' | 'from' | 'to'>): string {
  return `${formatDays(window.days)} ${clockText(window.from)}-${clockText(window.to)}`;
}

/** `[1,2,3,4,5]` → `Mon-Fri`, `[0,1,5,6]` → `Fri-Mon`, `[1,3]` → `Mon,Wed`; all seven → `every day`. */
export function formatDays(days: readonly number[]): string {
  if (new Set(days).size === 7) return 'every day';
  const runs: string[] = [];
  for (const start of [1, 2, 3, 4, 5, 6, 0]) {
    if (!days.includes(start) || days.includes((start + 6) % 7)) continue;
    let end = start;
    while (days.includes((end + 1) % 7)) end = (end + 1) % 7;
    runs.push(start === end ? `${dayNames[start]}` : `${dayNames[start]}-${dayNames[end]}`);
  }
  return runs.join(',') || 'never';
}
