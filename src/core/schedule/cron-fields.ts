/** One field of a cron expression: its name, its least and greatest value, and the names that stand for numbers. */
interface Field {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  readonly names?: readonly string[];
}

const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const weekdays = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

/** The six fields, in order. The day of the week ends at 6, but 7 is read as Sunday too. */
const fields: readonly Field[] = [
  { name: 'second', min: 0, max: 59 },
  { name: 'minute', min: 0, max: 59 },
  { name: 'hour', min: 0, max: 23 },
  { name: 'day of the month', min: 1, max: 31 },
  { name: 'month', min: 1, max: 12, names: months },
  { name: 'day of the week', min: 0, max: 6, names: weekdays },
];

/** A field that cannot be read; `field` says which one and what it may hold. */
export class CronFieldError extends Error {
  readonly field: string;

  constructor(message: string, field: Field) {
    super(message);
    this.field = `the ${field.name} is ${field.min} to ${field.max}, or ${field.names ? `a name such as ${field.names[1]?.toUpperCase()}, or ` : ''}*`;
  }
}

function readNumber(text: string, field: Field): number {
  const named = field.names?.indexOf(text.toLowerCase()) ?? -1;
  if (named >= 0) return named + field.min;
  if (!/^\d+$/.test(text)) {
    const why = `strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`;
    throw new CronFieldError(`failed to parse int from ${text}: ${why}`, field);
  }
  return Number(text);
}

/** One entry of a list as croner reads it: `*`, `5`, `1-5`, or a range with a step. */
function normalEntry(entry: string, field: Field): string {
  const [range = '', stepText, ...more] = entry.split('/');
  if (more.length > 0) throw new CronFieldError(`too many slashes: ${entry}`, field);
  const ends = range.split('-');
  if (ends.length > 2) throw new CronFieldError(`too many hyphens: ${entry}`, field);
  const any = range === '*' || range === '?';
  const weekday = field.names === weekdays;

  let from = any ? field.min : readNumber(ends[0] ?? '', field);
  let to = any ? field.max : from;
  if (ends.length === 2) to = readNumber(ends[1] ?? '', field);
  const step = stepText === undefined ? 1 : readNumber(stepText, { ...field, names: [] });
  // N/step runs to the end of the field.
  if (stepText !== undefined && !any && ends.length === 1) {
    if (weekday && from === 7) from = 0;
    to = field.max;
  }

  const top = weekday ? 7 : field.max;
  if (from < field.min)
    throw new CronFieldError(`beginning of range (${from}) below minimum (${field.min}): ${entry}`, field);
  if (to > top) throw new CronFieldError(`end of range (${to}) above maximum (${field.max}): ${entry}`, field);
  if (from > to) throw new CronFieldError(`beginning of range (${from}) beyond end of range (${to}): ${entry}`, field);
  if (step === 0) throw new CronFieldError(`step of range should be a positive number: ${entry}`, field);

  if (any && step === 1) return '*';
  if (from + step > to) return String(weekday ? from % 7 : from);
  if (any) return `*/${step}`;
  if (!weekday) return `${from}-${to}${step === 1 ? '' : `/${step}`}`;
  const days: number[] = [];
  for (let day = from; day <= to; day += step) days.push(day % 7);
  return days.join(',');
}

/**
 * Five or six fields to the six that croner reads: names to numbers, `?` to `*`, Sunday to 0, open steps closed.
 * Throws CronFieldError with the words of robfig/cron v3.0.0.
 */
export function normalFields(given: readonly string[]): string {
  const six = given.length === 5 ? ['0', ...given] : given;
  const normal = six.map((text, index) => {
    const field = fields[index] as Field;
    const entries = text.split(',').map((entry) => normalEntry(entry, field));
    return entries.includes('*') ? '*' : entries.join(',');
  });
  return normal.join(' ');
}
