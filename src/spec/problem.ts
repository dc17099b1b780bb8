import type { ErrorCode } from '../core/errors.ts';

/** One thing that is wrong in a document, with its place and the way out. */
export interface Problem {
  readonly file: string;
  /** 1-based; absent when the document did not come from text (an API body). */
  readonly line?: number | undefined;
  readonly column?: number | undefined;
  /** Where in the document, e.g. `spec.method[0].params.signal`; empty for the document as a whole. */
  readonly path: string;
  readonly message: string;
  /** The line of the file with a caret below, for errors of syntax. */
  readonly excerpt?: string | undefined;
  /** The whole text as it was most likely meant, for an error of syntax that a move of some lines cures. */
  readonly corrected?: string | undefined;
  /** Absent: `document-invalid`. */
  readonly code?: ErrorCode | undefined;
}

/** Keys and indexes from the top of a document. */
export type Path = readonly (string | number)[];

/** `['spec', 'method', 0, 'a.b']` → `spec.method[0]["a.b"]`. */
export function formatPath(path: Path): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else if (/^[\w-]+$/.test(part)) text += text ? `.${part}` : part;
    else text += `[${JSON.stringify(part)}]`;
  }
  return text;
}

/** One problem a line, `file:line:column  path  message`; errors of syntax are followed by the line and a caret, and by the corrected text. */
export function formatProblems(problems: readonly Problem[], { color = false } = {}): string {
  const paint = (code: number, text: string) => (color ? `\u001b[${code}m${text}\u001b[0m` : text);
  return problems
    .map(({ file, line, column, path, message, excerpt, corrected }) => {
      const place = line === undefined ? file : `${file}:${line}:${column}`;
      const head = [paint(1, place), path && paint(36, path), message].filter(Boolean).join('  ');
      const fixed = corrected && `corrected:\n${corrected.trimEnd().replace(/^/gm, '    ')}`;
      return [head, excerpt && paint(2, excerpt), fixed].filter(Boolean).join('\n');
    })
    .join('\n');
}

/** A value as it goes into a message: short, on one line, texts in quotes. */
export function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'nothing (null)';
  if (Array.isArray(value)) return value.length ? 'a list' : 'an empty list';
  if (typeof value === 'object') return 'a map';
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length > 60 ? `${text.slice(0, 57)}…${typeof value === 'string' ? '"' : ''}` : text;
}
