import { z } from 'zod';
import type { Milliseconds } from '../../core/model.ts';
import { parseGoDuration } from '../../core/schedule/go-duration.ts';

/** Fields that several kinds have in common, in the form in which Chaos Mesh writes them. */

const units = 'write a number with a unit of h, m, s, ms, us or ns, such as 30s or 1h30m';

/** Milliseconds of a Go duration, or why it is none and what to write. Days are unknown to Go. */
export function readDuration(text: string): { readonly ms: Milliseconds } | { readonly error: string } {
  const days = /^(\d+)d$/.exec(text)?.[1];
  if (days) return { error: `not a duration: Chaos Mesh knows no days; write ${Number(days) * 24}h` };
  if (/^\d+$/.test(text) && text !== '0')
    return { error: `not a duration: the unit is missing; write ${text}s or ${text}m` };
  try {
    if (/d/.test(text)) throw new Error(`time: unknown unit "d" in duration ${JSON.stringify(text)}`);
    return { ms: parseGoDuration(text) };
  } catch (error) {
    return { error: `not a duration: ${(error as Error).message}; ${units}` };
  }
}

/** Milliseconds of a duration that was validated. */
export function durationOf(text: string): Milliseconds {
  const read = readDuration(text);
  return 'ms' in read ? Math.max(1, Math.round(read.ms)) : 0;
}

const durationPattern = '^([0-9]+(\\.[0-9]+)?(h|m|s|ms|us|µs|ns))+$';

/** `30s`, `1h30m`: longer than zero. */
export const GoDuration = z
  .string()
  .meta({ title: 'duration', examples: ['30s', '1h30m'], pattern: durationPattern })
  .superRefine((text, context) => {
    const read = readDuration(text);
    if ('error' in read) context.addIssue({ code: 'custom', message: read.error });
    else if (read.ms <= 0) context.addIssue({ code: 'custom', message: 'must be longer than zero, such as 30s' });
  });

/** `-10m`, `1h`: may be negative, and not zero. */
export const Offset = z
  .string()
  .meta({ title: 'offset', examples: ['-10m', '1h30m'], pattern: '^[-+]?([0-9]+(\\.[0-9]+)?(h|m|s|ms|us|µs|ns))+$' })
  .superRefine((text, context) => {
    const read = readDuration(text);
    if ('error' in read) context.addIssue({ code: 'custom', message: read.error });
    else if (read.ms === 0)
      context.addIssue({ code: 'custom', message: 'an offset of zero shifts nothing: write -10m or 1h' });
  });

/** A text; a bare number or true in YAML is none. */
export const Text = z.string({
  error: ({ input }) =>
    input === undefined
      ? undefined
      : ['number', 'boolean'].includes(typeof input)
        ? 'must be a text: put it in quotes'
        : undefined,
});

/** A percentage as Chaos Mesh writes it, a number in quotes: `"25"`, `"0.5"`. */
export const PercentText = z
  .string({
    error: ({ input }) => (typeof input === 'number' ? `must be a text: put it in quotes, "${input}"` : undefined),
  })
  .meta({ title: 'percentage', examples: ['"25"'], pattern: '^(100(\\.0+)?|[0-9]{1,2}(\\.[0-9]+)?)$' })
  .superRefine((text, context) => {
    const message = 'not a percentage: write a number from 0 to 100 in quotes, without %, such as "25"';
    if (!/^\d+(\.\d+)?$/.test(text) || Number(text) > 100) context.addIssue({ code: 'custom', message });
  });

/** What netem can hold: 2^32 ticks of 64 ns. */
const longest = 274_000;

/** `100ms`, `0.5s`, `250us`: one number with one unit that tc takes. */
export const Latency = (least: 0 | 1) =>
  z
    .string()
    .meta({ title: 'latency', examples: ['100ms', '250us'], pattern: '^[0-9]+(\\.[0-9]+)?(us|ms|s)$' })
    .superRefine((text, context) => {
      const message = latencyError(text, least);
      if (message) context.addIssue({ code: 'custom', message });
    });

function latencyError(text: string, least: 0 | 1): string | undefined {
  const [, amount, unit = ''] = /^(\d+(?:\.\d+)?)(ns|us|ms|s|m|h)$/.exec(text) ?? [];
  if (amount === undefined)
    return 'not a latency: write one number with one unit of us, ms or s, such as 100ms or 0.5s';
  if (unit === 'ns') return 'too fine: tc takes no ns; write us, ms or s, such as 100us';
  const ms = Number(amount) * ({ us: 0.001, ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[unit] ?? 1);
  if (ms > longest) return `too long: netem holds a packet for 274s at most`;
  if (unit === 'm' || unit === 'h') return `tc takes no minutes or hours: write ${ms / 1000}s`;
  return ms === 0 && least === 1 ? 'a latency of zero delays nothing: write 100ms' : undefined;
}

/** `1mbps`, `512kbit`: a whole number and a unit; as in tc, `bps` is bytes. */
export const Rate = z
  .string()
  .meta({
    title: 'rate',
    examples: ['1mbps', '512kbit'],
    pattern: '^[0-9]+ *([kKmMgGtT]?([bB][iI][tT]|[bB][pP][sS]))$',
  })
  .superRefine((text, context) => {
    const [, amount, unit] = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text.trim()) ?? [];
    const known = /^[kmgt]?(bit|bps)$/i.test(unit ?? '');
    let message: string | undefined;
    if (amount === undefined || !known) {
      message =
        'not a rate: write a whole number and a unit of bit, kbit, mbit, gbit, tbit, bps, kbps, mbps, gbps or tbps, such as 1mbps';
    } else if (amount.includes('.'))
      message = 'must be a whole number: take a smaller unit, such as 1536kbps for 1.5mbps';
    else if (Number(amount) === 0) message = 'a rate of zero lets nothing pass: use action partition for that';
    if (message) context.addIssue({ code: 'custom', message });
  });

/** A name of Kubernetes, RFC 1123. */
export const Name = Text.regex(
  /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/,
  'not a name of Kubernetes: lower-case letters, digits, "-" and "."',
).max(253);

/** The same; v1.x took an empty text for none. */
export const NameOrNone = Text.regex(
  /^([a-z0-9]([-a-z0-9.]*[a-z0-9])?)?$/,
  'not a name of Kubernetes: lower-case letters, digits, "-" and "."',
).max(253);
