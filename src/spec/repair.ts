import { parseAllDocuments } from 'yaml';

/** The text with one block moved, and which line it begins at, from 1; columns from 1. */
export interface Repair {
  readonly text: string;
  readonly line: number;
  readonly from: number;
  readonly to: number;
}

const indentOf = (line: string): number => /^ */.exec(line)?.[0].length ?? 0;
const isBlank = (line: string): boolean => /^\s*(#.*)?$/.test(line);

/**
 * Where a key stands at a column that none of those around it has, the text with it moved to the nearest one that makes
 * the whole text sound YAML. `line`, from 1, is the one that the parser stumbled over.
 */
export function repairIndent(text: string, line: number): Repair | undefined {
  const lines = text.split('\n');
  const at = line - 1;
  const own = indentOf(lines[at] ?? '');
  if (lines[at] === undefined || isBlank(lines[at]) || lines.length > 2000) return undefined;
  const before = lines.slice(0, at).filter((each) => !isBlank(each));
  const columns = [...new Set(before.map(indentOf))].filter((column) => column !== own);
  const nearest = columns.toSorted((a, b) => Math.abs(a - own) - Math.abs(b - own) || a - b).slice(0, 5);
  for (const column of nearest) {
    const moved = move(lines, at, column - own);
    if (moved !== undefined && isSound(moved)) return { text: moved, line, from: own + 1, to: column + 1 };
  }
  return undefined;
}

/** The line and all that stand deeper below it. */
function move(lines: readonly string[], at: number, by: number): string | undefined {
  const own = indentOf(lines[at] ?? '');
  let end = at + 1;
  while (end < lines.length && (isBlank(lines[end] ?? '') || indentOf(lines[end] ?? '') > own)) end++;
  const moved = lines.map((line, i) => {
    if (i < at || i >= end || line.trim() === '') return line;
    return by > 0 ? `${' '.repeat(by)}${line}` : line.slice(Math.min(-by, indentOf(line)));
  });
  return moved.join('\n');
}

function isSound(text: string): boolean {
  const documents = parseAllDocuments(text, { prettyErrors: false, logLevel: 'silent' });
  return Array.isArray(documents) && documents.every(({ errors }) => errors.length === 0);
}
