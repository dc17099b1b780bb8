import type { Attributes, ToxicKind } from './toxics/toxic.ts';

export type Direction = 'upstream' | 'downstream';

/** One toxic of a proxy. The same object serves all links; `toxicity` and `attributes` change in place. */
export interface ToxicEntry {
  readonly name: string;
  readonly type: string;
  readonly kind: ToxicKind;
  /** As it was written, e.g. `UPSTREAM`. */
  readonly stream: string;
  readonly direction: Direction;
  toxicity: number;
  attributes: Attributes;
  /** Taken off by itself at this time of the monotonic clock, in ms; null: it stays. */
  until: number | null;
}
