import type { EpochMs } from './model.ts';

/** A wall-clock reading. `month` is 1..12, `weekday` 0 = Sunday … 6 = Saturday. */
export interface LocalTime {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly weekday: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
}

/** Making a formatter costs a thousand times more than using it. */
const formatters = new Map<string, Intl.DateTimeFormat>();

function formatterFor(zone: string): Intl.DateTimeFormat {
  const known = formatters.get(zone);
  if (known) return known;
  const made = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    hourCycle: 'h23',
    era: 'short',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  formatters.set(zone, made);
  return made;
}

/** The machine's time zone as an IANA name, e.g. `Asia/Tokyo`; `UTC` where it is not known. */
export function machineZone(): string {
  return new Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';
}

/** Why `zone` is not a usable time zone, with what to write instead; null when it is one. */
export function zoneError(zone: string): string | null {
  try {
    formatterFor(zone);
    return null;
  } catch {
    const wanted = zone.trim().replaceAll(' ', '_').toLowerCase();
    const near = Intl.supportedValuesOf('timeZone').find((name) => name.toLowerCase().endsWith(`/${wanted}`));
    const example = near ? `did you mean ${near}?` : 'write an IANA name such as Europe/Berlin or UTC';
    return `unknown time zone "${zone}": ${example}`;
  }
}

/** How far local time is ahead of UTC at `at`, in milliseconds. Throws RangeError for an unknown zone. */
export function offsetAt(zone: string, at: EpochMs): number {
  // Three times as fast as formatToParts, and a calendar asks often.
  const shown = /^(\d+)\/(\d+)\/(\d+) (\w+), (\d+):(\d+):(\d+)$/.exec(formatterFor(zone).format(at));
  if (!shown) throw new RangeError(`the time zone "${zone}" cannot be read on this system`);
  const [month = 1, day, year = 0] = shown.slice(1, 4).map(Number);
  const asUtc = Date.UTC(
    shown[4] === 'BC' ? 1 - year : year,
    month - 1,
    day,
    Number(shown[5]),
    Number(shown[6]),
    Number(shown[7]),
  );
  return asUtc - Math.floor(at / 1000) * 1000;
}

/** What a clock on the wall in `zone` shows at `at`. Throws RangeError for an unknown zone. */
export function localTime(zone: string, at: EpochMs): LocalTime {
  const shifted = new Date(at + offsetAt(zone, at));
  return {
    year: shifted.getUTCFullYear(),
    month: shifted.getUTCMonth() + 1,
    day: shifted.getUTCDate(),
    weekday: shifted.getUTCDay(),
    hour: shifted.getUTCHours(),
    minute: shifted.getUTCMinutes(),
    second: shifted.getUTCSeconds(),
  };
}

/** Instants at which local time jumps within (from, to], first to last; spans of at most a few days. */
export function transitions(zone: string, from: EpochMs, to: EpochMs): readonly EpochMs[] {
  const found: EpochMs[] = [];
  // No zone has ever changed twice within half a day.
  const step = 12 * 3_600_000;
  let offset = offsetAt(zone, from);
  for (let at = from; at < to; at += step) {
    const end = Math.min(at + step, to);
    const then = offsetAt(zone, end);
    if (then === offset) continue;
    let [low, high] = [at, end];
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (offsetAt(zone, middle) === offset) low = middle;
      else high = middle;
    }
    found.push(high);
    offset = then;
  }
  return found;
}

/**
 * The instants at which the wall clock in `zone` shows this local time, given as if it were UTC milliseconds: one,
 * two where the clock is set back, none where it is set forward over it.
 */
export function instantsOf(zone: string, local: number): readonly EpochMs[] {
  const day = 86_400_000;
  const offsets = new Set([offsetAt(zone, local - day), offsetAt(zone, local), offsetAt(zone, local + day)]);
  const instants = [...offsets].map((offset) => local - offset);
  return instants.filter((at) => at + offsetAt(zone, at) === local).sort((a, b) => a - b);
}
