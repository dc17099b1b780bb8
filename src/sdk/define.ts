import type { Experiment } from '../core/model.ts';
import { parseExperiment } from '../spec/index.ts';

/** A document in the form a person writes it: durations as `2s`, percentages as `95%`. */
export interface ExperimentInput {
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
  readonly spec: Readonly<Record<string, unknown>>;
}

/** Validate an experiment written in code. Rejects with `document-invalid` that lists every mistake. */
export function defineExperiment(input: ExperimentInput): Promise<Experiment> {
  return parseExperiment({ apiVersion: 'zashiki.dev/v1', kind: 'Experiment', ...input });
}
