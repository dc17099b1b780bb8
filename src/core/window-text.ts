/** A value read from text, or why it could not be read and what to write instead. */
export type Parsed<T> =
  | { readonly value: T; readonly error?: undefined }
  | { readonly error: string; readonly value?: undefined };

const names = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'];

/** 0..7 (0 and 7 are both Sunday), or a name of at least three letters. */
function dayNumber(text: string): number | undefined {
  if (/^[0-7]$/.test(text)) return Number(text);
  const lower = text.toLowerCase();
  const found = lower.length >= 3 ? names.findIndex((name) => name.startsWith(lower)) : -1;
  return found < 0 ? undefined : found;
}

/**
 * Days of the week: `Mon-Fri`, `1-5`, `6-7`, `Fri-Mon`, `Mon,Wed,6`, `every day`; 0 and 7 are Sunday, ranges wrap.
 * The value is ascending and without repetition, 0 = Sunday … 6 = Saturday.
 */
export function parseDays(text: string): Parsed<readonly number[]> {
  const fix = 'write days as Mon-Fri, 1-5, Fri-Mon or Mon,Wed,Sat (1 = Monday … 7 = Sunday)';
  if (/^(every ?day|all|\*)$/i.test(text.trim())) return { value: [0, 1, 2, 3, 4, 5, 6] };
  const days = new Set<number>();
  for (const part of text.split(',').map((piece) => piece.trim())) {
    const ends = part.split('-').map((piece) => piece.trim());
    const [from, to] = [dayNumber(ends[0] ?? ''), dayNumber(ends.at(-1) ?? '')];
    if (ends.length > 2) return { error: `"${part}" is not a range of days: ${fix}` };
    if (from === undefined || to === undefined) {
      const wrong = from === undefined ? ends[0] : ends.at(-1);
      return { error: wrong ? `"${wrong}" is not a day of the week: ${fix}` : `a day is missing: ${fix}` };
    }
    for (let day = from; day <= (to < from ? to + 7 : to); day += 1) days.add(day % 7);
  }
  return { value: [...days].sort((a, b) => a - b) };
}

/** `11:00` → 660 minutes; `24:00` → 1440; undefined when it is no time of day. */
function minuteOfDay(text: string): number | undefined {
  const match = /^(\d{1,2}):(\d{2})$/.exec(text);
  if (!match) return undefined;
  const [hour, minute] = [Number(match[1]), Number(match[2])];
  return minute < 60 && (hour < 24 || (hour === 24 && minute === 0)) ? hour * 60 + minute : undefined;
}

/**
 * Hours of the day: `11:00-18:00`, over midnight `22:00-06:00`. Minutes of the day, both inclusive; `24:00` is allowed
 * as the end and means the last minute, 23:59.
 */
export function parseTimeRange(text: string): Parsed<{ readonly from: number; readonly to: number }> {
  const fix = 'write it as HH:MM-HH:MM, like 11:00-18:00 or, over midnight, 22:00-06:00';
  const ends = text.split('-').map((piece) => piece.trim());
  if (ends.length !== 2) return { error: `"${text}" is not a time range: ${fix}` };
  const [from, to] = ends.map(minuteOfDay);
  if (from === undefined || to === undefined || from === 1440) {
    return { error: `"${to === undefined && from !== undefined ? ends[1] : ends[0]}" is not a time of day: ${fix}` };
  }
  return { value: { from, to: Math.min(to, 1439) } };
}

/** A local date: `2026-01-01`, or `01-01` for every year. */
export function parseHoliday(text: string): Parsed<string> {
  const match = /^(?:(\d{4})-)?(\d{2})-(\d{2})$/.exec(text.trim());
  const fix = 'write it as 2026-12-24, or as 12-24 for every year';
  if (!match) return { error: `"${text}" is not a date: ${fix}` };
  // A leap year stands in for "every year", so that 02-29 is a date.
  const [year, month, day] = [Number(match[1] ?? 2000), Number(match[2]), Number(match[3])];
  const date = new Date(Date.UTC(year, month - 1, day));
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) {
    return { error: `"${text}" is not in the calendar: ${fix}` };
  }
  return { value: text.trim() };
}
