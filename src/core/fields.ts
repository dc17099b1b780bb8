import { z } from 'zod';
import { parseDuration } from './duration.ts';

/** Building blocks of parameter schemas. Input is what a person writes, output is what the code uses. */

/** `250ms`, `2s`, `1h30m` → milliseconds. A default is given as text: `Duration.default('5s')` is `DurationOf('5s')`. */
export const Duration = z
  .string()
  .meta({ title: 'duration', description: 'A span such as 250ms, 2s, 1h30m.', examples: ['250ms', '2s', '1h30m'] })
  .transform((text, context) => {
    const ms = parseDuration(text.trim());
    if (ms === undefined) {
      context.addIssue({
        code: 'custom',
        message: `not a duration: write a number with a unit, like 250ms, 2s or 1h30m`,
      });
      return z.NEVER;
    }
    return ms;
  });

/** A duration that may be left out. */
export const DurationOr = (text: string) => Duration.prefault(text);

const byteUnits: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: 1000,
  kb: 1000,
  m: 1e6,
  mb: 1e6,
  g: 1e9,
  gb: 1e9,
  t: 1e12,
  tb: 1e12,
  ki: 1024,
  kib: 1024,
  mi: 1024 ** 2,
  mib: 1024 ** 2,
  gi: 1024 ** 3,
  gib: 1024 ** 3,
  ti: 1024 ** 4,
  tib: 1024 ** 4,
};

/** `64MiB`, `1.5G`, `4096` → bytes. */
export const Bytes = z
  .union([z.string(), z.number()])
  .meta({ title: 'bytes', description: 'A size such as 64MiB, 1.5GB or 4096.', examples: ['64MiB', '1GB'] })
  .transform((given, context) => {
    const match = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(String(given).trim());
    const unit = byteUnits[(match?.[2] ?? '').toLowerCase()];
    if (!match || unit === undefined) {
      context.addIssue({
        code: 'custom',
        message: 'not a size: write bytes or a number with a unit, like 64MiB or 1GB',
      });
      return z.NEVER;
    }
    return Math.round(Number(match[1]) * unit);
  });

/** `95%` or 95 → 0.95. */
export const Share = z
  .union([
    z.string().regex(/^\d+(\.\d+)?%$/, 'not a percentage: write a number from 0% to 100%'),
    z.number().min(0).max(100),
  ])
  .meta({ title: 'percentage', description: 'A percentage such as 95% or 95.', examples: ['95%'] })
  .transform((given) => Number(String(given).replace('%', '')) / 100)
  .refine((share) => share >= 0 && share <= 1, 'a percentage lies between 0% and 100%');
