import type { EpochMs, Milliseconds } from '../../core/model.ts';

export const levels = ['panic', 'fatal', 'error', 'warning', 'info', 'debug'] as const;
export type Level = (typeof levels)[number];

/** A value as Pumba's log shows it. null: Go's empty list. `span`: a Go duration. `networks`: Go's net.IPNet values, in CIDR form. */
export type Field =
  | string
  | number
  | boolean
  | null
  | readonly string[]
  | { readonly span: Milliseconds }
  | { readonly networks: readonly string[] };

export type Fields = Readonly<Record<string, Field>>;

/** One entry of the log. */
export interface Entry {
  readonly level: Level;
  readonly message: string;
  readonly fields: Fields;
  readonly at: EpochMs;
}

/** The level of a name, all small or ALL BIG as logrus is set up by Pumba; anything else is `warning`. */
export const levelOf = (name: string): Level =>
  levels.find((level) => name === level || name === level.toUpperCase()) ?? 'warning';

/** Is an entry of this level told at this threshold? */
export const isTold = (level: Level, threshold: Level): boolean => levels.indexOf(level) <= levels.indexOf(threshold);
