import type { Path } from '../../spec/problem.ts';

/** A part of a document as it was given: nothing about it is certain. */
export type Raw = Readonly<Record<string, unknown>>;

/** What a finding means: wrong, or right and not to be had in this version, or never. */
export type FindingCode = 'document-invalid' | 'not-available' | 'not-supported';

/** One thing that stands in the way of a document, with its place and the fix. */
export interface Finding {
  readonly path: Path;
  readonly message: string;
  readonly on: 'value' | 'key';
  readonly code: FindingCode;
}

/** Where rules put what they find. */
export type Say = (
  path: Path,
  message: string,
  more?: { readonly on?: 'value' | 'key'; readonly code?: FindingCode },
) => void;

/** A desk for findings. */
export function collect(): { readonly findings: Finding[]; readonly say: Say } {
  const findings: Finding[] = [];
  const say: Say = (path, message, { on = 'value', code = 'document-invalid' } = {}) => {
    findings.push({ path, message, on, code });
  };
  return { findings, say };
}

/** The value as a map, or undefined when it is none. */
export const mapOf = (value: unknown): Raw | undefined =>
  value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Raw) : undefined;

/** The items of a list; empty when it is none. */
export const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** A value counts as given when it is neither absent, null nor an empty text. */
export const isGiven = (value: unknown): boolean => value !== undefined && value !== null && value !== '';
