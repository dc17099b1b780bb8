import type { z } from 'zod';
import type { Json } from '../core/model.ts';
import type { ProbeContext, Reading } from '../core/ports.ts';

export type { ProbeContext, Reading };

/**
 * A way to read steady state. `read` turns every failure of the system under test into `error`; it rejects only for a
 * mistake in the parameters, or with the signal's reason when aborted: no reading then. `judge` is pure: null when the
 * reading is within the tolerance, else one line why not. Outputs of both schemas are plain JSON.
 */
export interface Probe<P extends z.ZodType = z.ZodType, T extends z.ZodType = z.ZodType> {
  /** Also the file name and the key in the document: `probe: { http: { … } }`. */
  readonly id: string;
  readonly summary: string;
  readonly params: P;
  /** The platform whose selector `params` is; the reader of documents holds it against the platform's schema too. */
  readonly selects?: string;
  /** Absent tolerance in the document: this schema must accept undefined and give the default. */
  readonly tolerance: T;
  read(params: z.output<P>, signal: AbortSignal, context: ProbeContext): Promise<Reading>;
  judge(reading: Reading, tolerance: z.output<T>): string | null;
  /** What of a reading's value goes into the journal; absent: all of it. */
  brief?(value: Json): Json;
}

// biome-ignore lint/suspicious/noExplicitAny: the registry erases the parameter types; each probe keeps its own
export type AnyProbe = Probe<any, any>;

/** Declare a probe; types flow from its schemas. */
export function defineProbe<P extends z.ZodType, T extends z.ZodType>(probe: Probe<P, T>): Probe<P, T> {
  return probe;
}
