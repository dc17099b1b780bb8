import { visit, type YAMLError, type Document as YamlDocument } from 'yaml';
import type { Place } from './source.ts';

/** At most so many errors of syntax are told of one document. */
const most = 5;

/** The line itself, and a caret under the column. Tabs are kept so that the caret stays below its character. */
export function excerpt(text: string, { line, column }: { line: number; column: number }): string {
  const shown = (text.split('\n')[line - 1] ?? '').replace(/\r$/, '');
  const from = Math.max(0, column - 80);
  const indent = shown.slice(from, column - 1).replace(/[^\t]/g, ' ');
  return `    ${shown.slice(from, from + 120)}\n    ${indent}^`;
}

/** One mistake makes the parser stumble again and again: the first of each line; tabs alone where there are any. */
export function worthTelling(errors: readonly YAMLError[], place: Place): readonly YAMLError[] {
  const tabs = errors.filter(({ code }) => code === 'TAB_AS_INDENT');
  const told = new Set<number>();
  const first = (tabs.length > 0 ? tabs : errors).filter(({ pos }) => {
    const { line } = place(pos[0]);
    return !told.has(line) && told.add(line);
  });
  return first.slice(0, most);
}

/** What is wrong with the indentation, and what would be right. */
export const repairMessage = ({ from, to }: { readonly from: number; readonly to: number }): string =>
  `not valid YAML: this key stands in column ${from}, where nothing else does; it belongs in column ${to}, like those that it goes with`;

/** The parser's message in words that say what to do, and the place where the mistake was made. */
export function explainSyntax(
  error: YAMLError,
  document: YamlDocument.Parsed,
  text: string,
): { message: string; at: number } {
  const [at, end] = error.pos;
  switch (error.code) {
    case 'TAB_AS_INDENT':
      return { at, message: 'YAML does not allow tabs as indentation: use spaces' };
    case 'TAG_RESOLVE_FAILED':
      return { at, message: `unknown tag ${text.slice(at, end).split(/\s/)[0]}: remove it, or put the text in quotes` };
    case 'BLOCK_AS_IMPLICIT_KEY':
      return { at, message: 'a second ": " in one line: put the value in quotes, or start a new line' };
    case 'MISSING_CHAR': {
      const open = error.message.includes('quote') ? openQuote(document, at) : undefined;
      if (open !== undefined) return { at: open, message: `this ${text[open]} is never closed: add the closing one` };
      break;
    }
  }
  return { at, message: `not valid YAML: ${error.message.charAt(0).toLowerCase()}${error.message.slice(1)}` };
}

/** Where the last quoted text before `end` begins. */
function openQuote(document: YamlDocument.Parsed, end: number): number | undefined {
  let found: number | undefined;
  visit(document, {
    Scalar(_, { type, range }) {
      const from = type?.startsWith('QUOTE') ? range?.[0] : undefined;
      if (from !== undefined && from < end) found = Math.max(found ?? 0, from);
    },
  });
  return found;
}
