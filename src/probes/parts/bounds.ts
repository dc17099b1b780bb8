/** Least and greatest value, both inclusive, or exactly one. */
export interface Bounds {
  readonly min?: number | undefined;
  readonly max?: number | undefined;
  readonly equals?: number | undefined;
}

/** Null when `value` lies within, else e.g. `3 is below 5`. Not a number is never within. */
export function outOfBounds(value: number, { min, max, equals }: Bounds): string | null {
  if (Number.isNaN(value)) return 'it is not a number (NaN)';
  if (equals !== undefined && value !== equals) return `${value} is not ${equals}`;
  if (min !== undefined && value < min) return `${value} is below ${min}`;
  if (max !== undefined && value > max) return `${value} is above ${max}`;
  return null;
}

/** A text for an error line: on one line, cut to `most` characters. */
export function shorten(text: string, most = 80): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > most ? `${line.slice(0, most)}…` : line;
}

/** The same in quotes. */
export const quote = (text: string, most = 80): string => `"${shorten(text, most)}"`;
