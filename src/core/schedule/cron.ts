import { Cron } from 'croner';
import { formatDuration } from '../duration.ts';
import { ZashikiError } from '../errors.ts';
import type { EpochMs, Milliseconds } from '../model.ts';
import { machineZone, zoneError } from '../zone.ts';
import { CronFieldError, normalFields } from './cron-fields.ts';
import { parseGoDuration } from './go-duration.ts';

/** A cron expression that was understood. */
export interface CronSchedule {
  readonly expression: string;
  /** The zone in which the fields are read: from `TZ=`, else the default given, else the machine's. */
  readonly timezone: string;
  /** Set for `@every`: the distance. Such a schedule has no calendar and is best counted from a fixed moment. */
  readonly every: Milliseconds | null;
  /** The first due time after `after` (never `after` itself); null when there is none. */
  next(after: EpochMs): EpochMs | null;
}

const descriptors: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
};

const invalid = (message: string, hint: string) => new ZashikiError('document-invalid', message, { hint });

/**
 * Five fields, six (seconds first), `@daily` and the like, or `@every 1h30m`; `TZ=Zone ` may stand before any of them.
 * Reads and refuses as robfig/cron v3.0.0 does, apart from what docs/decisions/0002-cron.md lists. Throws
 * `document-invalid`; the hint names the field and what it may hold.
 */
export function parseCron(expression: string, defaultTimezone?: string): CronSchedule {
  const trimmed = expression.trim();
  const { zone, rest } = takeZone(trimmed, defaultTimezone);
  if (rest === '') throw invalid('empty spec string', 'write five fields, such as 0 9 * * 1-5, or @daily');
  const every = rest.startsWith('@') ? takeEvery(rest) : null;
  if (every !== null) return { expression: trimmed, timezone: zone, every, next: (after) => nextEvery(every, after) };
  const pattern = readPattern(rest, trimmed);
  // Paused and without a callback: the calendar is all that is used of it.
  const calendar = new Cron(pattern, {
    timezone: zone,
    mode: '6-part',
    paused: true,
    fixedTimeRule: 'no-wildcard',
  });
  return {
    expression: trimmed,
    timezone: zone,
    every: null,
    next: (after) => calendar.nextRun(new Date(after))?.getTime() ?? null,
  };
}

function takeZone(expression: string, defaultTimezone: string | undefined): { zone: string; rest: string } {
  const match = /^(TZ|CRON_TZ)=(\S*)\s*(.*)$/s.exec(expression);
  const name = match ? (match[2] ?? '') : (defaultTimezone ?? machineZone());
  const zone = name === '' ? 'UTC' : name === 'Local' ? machineZone() : name;
  const wrong = zoneError(zone);
  if (wrong) {
    const field = match ? `${match[1]}=` : 'timezone';
    throw invalid(`provided bad location ${zone}: unknown time zone ${zone}`, `in ${field}: ${wrong}`);
  }
  return { zone, rest: match ? (match[3] ?? '') : expression };
}

function takeEvery(rest: string): Milliseconds | null {
  const match = /^@every\s+(.*)$/s.exec(rest);
  if (!match) return null;
  const fix = 'write a distance of at least 1s, such as @every 30s, @every 10m or @every 1h30m';
  let distance: Milliseconds;
  try {
    distance = parseGoDuration(match[1] ?? '');
  } catch (error) {
    throw invalid(`failed to parse duration ${rest}: ${(error as Error).message}`, fix);
  }
  if (distance < 1000) throw invalid(`the distance of ${rest} is shorter than 1s`, fix);
  if (distance > 100 * 366 * 86_400_000) throw invalid(`the distance of ${rest} is longer than a hundred years`, fix);
  return Math.round(distance);
}

/** As robfig/cron does: whole-second distances drop the part of a second. */
function nextEvery(every: Milliseconds, after: EpochMs): EpochMs {
  return every % 1000 === 0 ? Math.floor(after / 1000) * 1000 + every : after + every;
}

function readPattern(rest: string, expression: string): string {
  if (rest.startsWith('@')) {
    const known = descriptors[rest];
    if (known) return normalFields(known.split(' '));
    throw invalid(
      `unrecognized descriptor: ${rest}`,
      `write one of ${Object.keys(descriptors).join(' ')}, or @every 10m, all in lower case`,
    );
  }
  const given = rest.split(/\s+/);
  if (given.length !== 5 && given.length !== 6) {
    throw invalid(
      `expected 5 or 6 fields, found ${given.length}: [${rest}]`,
      'the fields are: (second) minute hour day-of-month month day-of-week, e.g. 30 9 * * 1-5',
    );
  }
  try {
    return normalFields(given);
  } catch (error) {
    if (error instanceof CronFieldError) throw invalid(error.message, `in "${expression}": ${error.field}`);
    throw error;
  }
}

/** `every 10 m`, or the expression with its zone: for logs. */
export function describeCron(schedule: CronSchedule): string {
  return schedule.every === null
    ? `${schedule.expression} (${schedule.timezone})`
    : `every ${formatDuration(schedule.every)}`;
}
