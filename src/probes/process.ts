import { z } from 'zod';
import { outOfBounds } from './parts/bounds.ts';
import { defineProbe } from './probe.ts';

const Count = z.int().min(0);

/** Counts the living processes of this host that match a selector. */
export default defineProbe({
  id: 'process',
  summary: 'Count the living processes of this host that match a selector.',
  selects: 'host',
  params: z
    .record(z.string(), z.json())
    .refine((selector) => Object.keys(selector).length > 0, 'empty: write a selector, e.g. name: nginx')
    .describe('The selector of the host platform, as in `target: { host: … }`.'),
  tolerance: z
    .strictObject({
      count: z
        .union([Count, z.strictObject({ min: Count.optional(), max: Count.optional() })])
        .describe('Exactly so many, or a range.'),
    })
    .prefault({ count: { min: 1 } }),
  async read(selector, signal, context) {
    try {
      const count = await context.count('host', selector);
      signal.throwIfAborted();
      return { value: { count } };
    } catch (error) {
      signal.throwIfAborted();
      return { value: null, error: error instanceof Error ? error.message : String(error) };
    }
  },
  judge(reading, tolerance) {
    if (reading.error !== undefined) return reading.error;
    const { count } = reading.value as { readonly count: number };
    const bounds = typeof tolerance.count === 'number' ? { equals: tolerance.count } : tolerance.count;
    const why = outOfBounds(count, bounds);
    return why === null ? null : `processes: ${why}`;
  },
});
