import { z } from 'zod';
import { Duration, DurationOr, Share } from '../core/fields.ts';
import { nearest } from '../core/nearest.ts';
import { Pattern } from '../core/pattern.ts';
import { type Parsed, parseDays, parseHoliday, parseTimeRange } from '../core/window-text.ts';
import { zoneError } from '../core/zone.ts';

/** Schemas of the parts of a document that name no fault, platform or probe. Input is what a person writes. */

const dnsName = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

const Labels = z.record(z.string(), z.string());

/** `metadata`: the name follows RFC 1123 as in Kubernetes, so that the file works there too. */
export const MetadataFields = z.strictObject({
  name: z
    .string()
    .min(1)
    .max(253)
    .regex(dnsName, 'not a name: use lower-case letters, digits, "-" and ".", and begin and end with a letter or digit')
    .describe('Lower-case letters, digits, "-" and "."; at most 253.'),
  labels: Labels.optional().describe('Texts for finding and grouping.'),
  annotations: Labels.optional().describe('Texts for tools.'),
});

export const Seed = z
  .int()
  .min(0)
  .max(Number.MAX_SAFE_INTEGER)
  .describe('The same seed gives the same choices. Default: drawn and recorded.');

/** Turn a parser of core into a zod step. */
const through =
  <T>(parse: (text: string) => Parsed<T>) =>
  (text: string, context: z.core.$RefinementCtx): T => {
    const parsed = parse(text);
    if (parsed.error === undefined) return parsed.value;
    context.addIssue({ code: 'custom', message: parsed.error });
    return z.NEVER;
  };

export const Timezone = z
  .string()
  .meta({ title: 'time zone', examples: ['Asia/Tokyo'] })
  .superRefine((zone, context) => {
    const error = zoneError(zone);
    if (!error) return;
    const near = error.includes('did you mean') ? undefined : nearest(zone, Intl.supportedValuesOf('timeZone'));
    context.addIssue({ code: 'custom', message: near ? `${error}; did you mean "${near}"?` : error });
  })
  .describe("An IANA name such as Asia/Tokyo. Default: the machine's zone.");

const Days = z
  .union([z.string(), z.int().min(0).max(7), z.array(z.union([z.string(), z.int().min(0).max(7)])).min(1)])
  .meta({ title: 'list of days', examples: ['Mon-Fri', '1-5', '[Mon, Wed]'] })
  .transform((given) => String(given))
  .transform(through(parseDays));

/** `guards.window`, and a schedule's. */
export const WindowFields = z
  .strictObject({
    days: Days.prefault('every day').describe(
      'Mon-Fri, 1-5, Fri-Mon, or a list: [Mon, Wed]. 1 = Monday … 7 = Sunday. Default: every day.',
    ),
    time: z
      .string()
      .meta({ title: 'time range', examples: ['11:00-18:00'] })
      .transform(through(parseTimeRange))
      .prefault('00:00-24:00')
      .describe('11:00-18:00; over midnight 22:00-06:00. Both minutes are part of it. Default: the whole day.'),
    timezone: Timezone.optional(),
    holidays: z
      .array(z.string().transform(through(parseHoliday)))
      .default([])
      .describe('Dates on which nothing happens: 2026-01-01, or 12-25 for every year.'),
  })
  .transform(({ days, time, timezone, holidays }) => ({ days, ...time, ...(timezone ? { timezone } : {}), holidays }));

const BlastRadius = z
  .union([
    z.int().min(1),
    z
      .string()
      .regex(/^\d+(\.\d+)?%$/, 'not a blast radius: write a count like 2, or a share of the candidates like 50%'),
  ])
  .meta({ title: 'blast radius', examples: [2, '50%'] })
  .transform((given, context) => {
    if (typeof given === 'number') return { count: given };
    const percent = Number(given.replace('%', ''));
    if (percent <= 100) return { percent };
    context.addIssue({ code: 'custom', message: 'a percentage lies between 0% and 100%' });
    return z.NEVER;
  });

/** `guards`: what may refuse a run or an injection. */
export const GuardsFields = z.strictObject({
  blastRadius: BlastRadius.optional().describe(
    'Most targets hit at one time over all running experiments: 2, or 50% of the candidates.',
  ),
  window: WindowFields.optional().describe('When chaos may happen.'),
  minInterval: Duration.optional().describe('Least time since the last run of an experiment of this name.'),
  budget: z
    .strictObject({ injections: z.int().min(1).describe('How many.'), per: Duration.describe('In this span.') })
    .optional()
    .describe('Most injections of all experiments together in a rolling span.'),
  environment: z.string().min(1).optional().describe('The run must be started with --environment and this very name.'),
  protect: z.array(Pattern).optional().describe('Names, or re2: patterns; what matches is never hit.'),
});

const positive = (schema: typeof Duration, least: number, text: string) =>
  schema.refine((ms) => ms >= least, { error: `must be at least ${text}`, abort: true });

/** `every` of a probe. */
export const Every = positive(Duration, 10, '10ms')
  .prefault('1s')
  .describe('Time between the starts of two readings, at least 10ms.');

/** Of a hypothesis, all but the probe and its tolerance. */
export const HypothesisFields = z.strictObject({
  name: z.string().min(1).describe('What must be true, as a sentence.'),
  every: Every,
  during: z
    .strictObject({ atLeast: Share.describe('Least share of good readings.') })
    .optional()
    .describe('Judged while a fault is on. Absent: read, but not judged.'),
  recoversWithin: DurationOr('30s').describe('Longest time until stable again, after the fault is recovered.'),
});

/** Of a stop condition, all but the probe and its tolerance. */
export const StopFields = z.strictObject({
  name: z.string().min(1).optional().describe('For the report.'),
  every: Every,
});

/** A length of time that is not zero. */
export const Span = positive(Duration, 1, '1ms');

const Timeout = Span.prefault('30s').describe('The action fails after this.');
const httpUrl = z.url({ protocol: /^https?$/, error: 'not a URL: write it in full, like http://127.0.0.1:8080/' });

/** `rollbacks` entries. The output is what the engine runs: `timeout` in milliseconds. */
export const ExecFields = z.strictObject({
  command: z.array(z.string()).min(1).describe('The program and its arguments; no shell is involved.'),
  timeout: Timeout,
});

export const HttpFields = z.strictObject({
  method: z.enum(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']).default('POST'),
  url: httpUrl.describe('http or https, in full.'),
  headers: z.record(z.string(), z.string()).optional(),
  body: z.unknown().optional().describe('A text is sent as it is, anything else as JSON.'),
  timeout: Timeout,
});
