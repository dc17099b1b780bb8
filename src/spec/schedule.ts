import { z } from 'zod';
import { isError } from '../core/errors.ts';
import { Duration } from '../core/fields.ts';
import { parseCron } from '../core/schedule/cron.ts';
import type { Schedule, ScheduleSpec, Timing } from '../core/schedule/model.ts';
import { asMap, check, type Desk, onlyKeys } from './desk.ts';
import { readExperimentSpec, readMetadata } from './experiment.ts';
import { Span, Timezone, WindowFields } from './fields.ts';
import { type Path, show } from './problem.ts';

type Entries = Readonly<Record<string, unknown>>;

const Second = Duration.refine((ms) => ms >= 1000, { error: 'must be at least 1s' });

/** The four ways to say when; exactly one is given. */
export const timings = {
  every: Second.describe('A fixed rhythm: 10m.'),
  cron: z.string().min(1).describe('Five or six fields, a descriptor such as @daily, or @every 10m.'),
  random: z
    .strictObject({ min: Duration.describe('At the earliest.'), max: Second.describe('At the latest.') })
    .refine(({ min, max }) => min <= max, { error: 'min must not be longer than max', path: ['min'] })
    .describe('Drawn evenly between two spans after the last run.'),
  meanTimeBetween: Second.describe('Each group is hit once in this span on average; when is left to chance.'),
} as const;

/** Of a schedule's `spec`, all but `schedule` and `experiment`. */
export const ScheduleFields = z.strictObject({
  timezone: Timezone.optional(),
  window: WindowFields.optional().describe('A run that is due outside of it is missed.'),
  concurrencyPolicy: z
    .enum(['Forbid', 'Allow', 'Replace'])
    .default('Forbid')
    .describe('When a run is due while the last one still goes on.'),
  missedRuns: z.enum(['skip', 'once', 'all']).default('skip').describe('Runs that were due while the daemon was down.'),
  startingDeadline: Span.optional().describe('A run that is later than this is missed.'),
  historyLimit: z.int().min(0).default(10).describe('How many finished runs are kept.'),
  suspend: z.boolean().default(false).describe('No run is started.'),
  sealed: z.boolean().default(false).describe('Nobody sees what was hit until the drill ends.'),
});

/** Read a whole schedule. Undefined, with problems at the desk, when anything in it is wrong. */
export function readSchedule(desk: Desk, document: Entries): Schedule | undefined {
  const before = desk.count();
  const metadata = readMetadata(desk, document);
  const given = asMap(desk, document.spec, ['spec'], 'a map with schedule and experiment');
  const spec = given && readScheduleSpec(desk, given);
  if (desk.count() > before || !metadata || !spec) return undefined;
  return { apiVersion: 'zashiki.dev/v1', kind: 'Schedule', metadata, spec };
}

function readScheduleSpec(desk: Desk, spec: Entries): ScheduleSpec | undefined {
  const own = Object.keys(ScheduleFields.shape);
  onlyKeys(desk, spec, ['schedule', 'experiment', ...own], ['spec']);
  const mine = Object.fromEntries(Object.entries(spec).filter(([key]) => own.includes(key)));
  const fields = check(desk, ScheduleFields, mine, ['spec']);
  const schedule = readTiming(desk, spec.schedule, fields?.timezone, ['spec', 'schedule']);
  const experiment = readExperimentSpec(desk, spec.experiment, ['spec', 'experiment']);
  if (!fields || !schedule || !experiment) return undefined;
  return { schedule, ...fields, experiment };
}

function readTiming(desk: Desk, given: unknown, timezone: string | undefined, path: Path): Timing | undefined {
  const known = Object.keys(timings) as (keyof typeof timings)[];
  const map = asMap(desk, given, path, `a map with one of ${known.join(', ')}`);
  if (!map) return undefined;
  const before = desk.count();
  onlyKeys(desk, map, known, path);
  const found = known.filter((key) => key in map);
  const [key] = found;
  if (key === undefined || found.length > 1) {
    if (desk.count() === before)
      desk.add(path, `needs exactly one of ${known.join(', ')}${key ? `, and has ${found.join(' and ')}` : ''}`);
    return undefined;
  }
  const value = check(desk, timings[key], map[key], [...path, key]);
  if (key === 'cron' && value !== undefined) checkCron(desk, String(value), timezone, [...path, key]);
  return value === undefined ? undefined : ({ [key]: value } as unknown as Timing);
}

function checkCron(desk: Desk, expression: string, timezone: string | undefined, path: Path): void {
  try {
    if (parseCron(expression, timezone).next(Date.now()) === null) {
      desk.add(path, `never due: ${show(expression)} names no date that is still to come`);
    }
  } catch (error) {
    if (!isError(error)) throw error;
    desk.add(
      path,
      `not a cron expression: ${error.message}${error.hint ? `; ${error.hint}` : ''}; got ${show(expression)}`,
    );
  }
}
