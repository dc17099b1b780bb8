import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import type { Json } from '../../core/model.ts';
import { equalsPattern, Pattern } from '../../core/pattern.ts';
import { outOfBounds, shorten } from './bounds.ts';
import { parseJsonPath, selectJson } from './json-path.ts';

/** What must hold at one place of a JSON body. With `[*]` it must hold at every place found; none found is wrong. */
export const JsonCheck = z.strictObject({
  path: z
    .string()
    .refine((path) => parseJsonPath(path) !== undefined, 'not a path: write e.g. $.items[0].name or $.items[*].price')
    .describe("`$`, then `.name`, `['any name']`, `[0]`, `[-1]`, `[*]`.")
    .meta({ examples: ['$.status', '$.items[*].price'] }),
  equals: z.json().optional().describe('Exactly this JSON value.'),
  min: z.number().optional().describe('A number, at least this.'),
  max: z.number().optional().describe('A number, at most this.'),
  matches: Pattern.optional().describe('A text equal to this, or that `re2:…` finds something in.'),
});
export type JsonCheck = z.output<typeof JsonCheck>;

/** Null when the check holds, else one line why not. */
export function judgeJson(value: Json, check: JsonCheck): string | null {
  const found = selectJson(value, parseJsonPath(check.path) ?? []);
  if (found.length === 0) return `nothing at ${check.path} in the JSON`;
  for (const each of found) {
    const why = judgeOne(each, check);
    if (why !== null) return `at ${check.path}: ${why}`;
  }
  return null;
}

function judgeOne(value: Json, { equals, min, max, matches }: JsonCheck): string | null {
  const shown = shorten(JSON.stringify(value));
  if (equals !== undefined && !isDeepStrictEqual(value, equals))
    return `${shown} is not ${shorten(JSON.stringify(equals))}`;
  if (min !== undefined || max !== undefined) {
    if (typeof value !== 'number') return `${shown} is not a number`;
    const why = outOfBounds(value, { min, max });
    if (why !== null) return why;
  }
  if (matches === undefined) return null;
  if (typeof value !== 'string') return `${shown} is not a text`;
  return equalsPattern(matches, value) ? null : `${shown} does not match ${matches}`;
}
