import type { z } from 'zod';
import { nearest } from '../core/nearest.ts';
import { examine, unknownKey } from './explain.ts';
import { type Path, show } from './problem.ts';
import type { Vocabulary } from './vocabulary.ts';

/** What the readers of the parts of a document share: the vocabulary, and where problems are put. */
export interface Desk {
  readonly vocabulary: Vocabulary;
  add(path: Path, message: string, on?: 'value' | 'key'): void;
  /** How many problems there are so far: a part is sound when reading it added none. */
  count(): number;
}

/** Hold `given` against `schema`; problems go to the desk. Undefined when there are any. */
export function check<S extends z.ZodType>(desk: Desk, schema: S, given: unknown, path: Path): z.output<S> | undefined {
  const { value, findings } = examine(schema, given);
  for (const finding of findings) desk.add([...path, ...finding.path], finding.message, finding.on);
  return value;
}

/** The entries of a map; undefined, and a problem, when it is not one. */
export function asMap(
  desk: Desk,
  given: unknown,
  path: Path,
  what: string,
): Readonly<Record<string, unknown>> | undefined {
  if (given !== null && typeof given === 'object' && !Array.isArray(given)) return given as Record<string, unknown>;
  desk.add(path, given === undefined ? `missing: ${what} is needed here` : `must be ${what}, not ${show(given)}`);
  return undefined;
}

/** The items of a list, an absent one being empty; undefined, and a problem, when it is not a list. */
export function asList(desk: Desk, given: unknown, path: Path, what: string): readonly unknown[] | undefined {
  if (given === undefined) return [];
  if (Array.isArray(given)) return given;
  desk.add(path, `must be ${what}, not ${show(given)}`);
  return undefined;
}

/** A problem for each key that is not in `allowed`. */
export function onlyKeys(desk: Desk, map: object, allowed: readonly string[], path: Path): void {
  for (const key of Object.keys(map)) {
    if (!allowed.includes(key)) desk.add([...path, key], unknownKey(key, allowed), 'key');
  }
}

/** `unknown fault "x"; did you mean "y"? known: …` */
export function unknownName(what: string, given: string, known: Iterable<string>): string {
  const names = [...known];
  const near = nearest(given, names);
  return `unknown ${what} ${show(given)}; ${near ? `did you mean "${near}"? ` : ''}known: ${names.join(', ')}`;
}

/** `[a, b]` → `a, b`; an empty list → `none`. */
export const listed = (words: readonly string[]): string => words.join(', ') || 'none';
