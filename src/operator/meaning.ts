import type { FaultStep, JsonObject, Milliseconds } from '../core/model.ts';
import type { Drawing } from './choice.ts';
import type { Drawn } from './resource.ts';

/** One side of an experiment: where its pods are looked for, and how they are drawn. */
export interface End extends Drawing {
  readonly selector: JsonObject;
}

/** Pods that were drawn, by the name of their end. */
export type Chosen = Readonly<Record<string, readonly Drawn[]>>;

/** One fault of a resource, on pods that were drawn. */
export interface MeantStep {
  readonly path: string;
  readonly step: FaultStep;
  /** As Chaos Mesh has it: `.` for the pods of selector, `.Target` for those of target. */
  readonly selectorKey: string;
  /** Who is at the other end: when it is somebody else, the fault is another one. */
  readonly others: readonly Drawn[];
}

/** What a resource asks for, whatever its kind. */
export interface Meaning {
  readonly oneShot: boolean;
  readonly duration?: Milliseconds | undefined;
  readonly isPaused: boolean;
  readonly ends: Readonly<Record<string, End>>;
  steps(chosen: Chosen): readonly MeantStep[];
}

/** What a document means, or what is wrong with it, one line each with place and fix. */
export type Read = { readonly meaning: Meaning } | { readonly problems: readonly string[] };
