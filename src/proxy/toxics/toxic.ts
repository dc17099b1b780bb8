import type { Rng } from '../../core/ports.ts';
import type { Chunk, Ending } from '../channel.ts';

/** One toxic's place in one link: takes chunks from before it and gives them on to what stands behind it. */
export interface Stub {
  /** The next chunk; null when the stream has ended or the toxic must let go (it was changed or removed). */
  take(): Promise<Chunk | null>;
  /** Like `take`, but gives up after so many ms: then undefined. */
  takeWithin(ms: number): Promise<Chunk | null | undefined>;
  /** Give it on, when there is room. Never refuses: what has been taken is never lost. */
  give(chunk: Chunk): Promise<void>;
  /** False when it was cut short because the toxic must let go. */
  sleep(ms: number): Promise<boolean>;
  /** End the connection here: `cut` closes both ends after what was given, `reset` breaks both off at once. */
  cut(how?: Exclude<Ending, 'end'>): void;
  /** The toxic must let go: give on what it holds, unchanged, and return. */
  readonly interrupted: boolean;
  /** In ms, on the clock of `Chunk.at`. */
  now(): number;
  readonly rng: Rng;
  /** A datagram is never split: its borders mean something. */
  readonly datagrams: boolean;
  /** Kept for this toxic on this link as long as the toxic is on it. */
  readonly memory: { bytes: number };
}

/** Whole numbers only, as in Toxiproxy. The order is the order in answers. */
export type Attributes = Readonly<Record<string, number>>;

/** A kind of toxic. Its attributes are the schema of the API. */
export interface ToxicKind<K extends string = string> {
  readonly type: string;
  /** Go's name for it, in messages. */
  readonly struct: string;
  readonly attributes: Readonly<Record<K, { readonly summary: string; readonly goType: 'int64' | 'int' }>>;
  /** How many bytes may wait before it. Default: one read. */
  readonly buffer?: number;
  /** When it is taken off a link that it was working on, the connection is closed. */
  readonly closesWhenRemoved?: boolean;
  /** Runs until the stream ends (returns), or it must let go (returns), or it ends the connection (`cut`). */
  pipe(stub: Stub, attributes: Readonly<Record<K, number>>): Promise<void>;
}

/** Declare a kind of toxic; the names of its attributes flow into `pipe`. */
export function defineToxic<const K extends string>(kind: ToxicKind<K>): ToxicKind<K> {
  return kind;
}

/** A whole number between -n and n-1. */
export const spread = (rng: Rng, n: number): number => (n > 0 ? rng.below(n * 2) - n : 0);
