import { isScalar, parseAllDocuments, type Document as YamlDocument } from 'yaml';
import type { Json } from '../core/model.ts';
import { type Places, type Report, toJson } from './nodes.ts';
import { formatPath, type Path, type Problem } from './problem.ts';
import { repairIndent } from './repair.ts';
import { excerpt, explainSyntax, repairMessage, worthTelling } from './syntax.ts';

/** A document as plain JSON, with a way to find each part of it in the text again. */
export interface SourceDocument {
  readonly value: Json;
  /** The place of the value at `path`, or of its key; of the nearest enclosing part when there is none. */
  locate(path: Path, what?: 'value' | 'key'): { readonly line: number; readonly column: number };
}

/** What stands in a file: its documents, and what is wrong with its syntax. */
export interface Source {
  readonly documents: readonly SourceDocument[];
  readonly problems: readonly Problem[];
}

const limits = { bytes: 1024 * 1024, documents: 1000 };

/**
 * Read YAML 1.2 or JSON, several documents in a text. Bounded: size, depth and the number of nodes after aliases are
 * expanded. A document with an error of syntax is left out; a repeated key is a problem, and the document stays.
 */
export function readSource(text: string, file: string): Source {
  const place = placesIn(text);
  const problems: Problem[] = [];
  const report = (message: string, offset: number, path: Path = [], more: Partial<Problem> = {}) => {
    problems.push({ file, ...place(offset), path: formatPath(path), message, ...more });
  };
  const refused = tooMuch(text);
  if (refused) {
    report(refused, 0);
    return { documents: [], problems };
  }

  const documents: SourceDocument[] = [];
  for (const document of parse(text, report)) {
    const errors = [...document.errors, ...document.warnings];
    for (const error of worthTelling(errors, place)) {
      const { message, at } = explainSyntax(error, document, text);
      const repair = error.code === 'BAD_INDENT' ? repairIndent(text, place(at).line) : undefined;
      // The key itself, not the blanks before it.
      const key = repair ? at - place(at).column + repair.from : at;
      const shown = { excerpt: excerpt(text, place(key)), corrected: repair?.text };
      report(repair ? repairMessage(repair) : message, key, [], shown);
    }
    if (errors.length > 0 || isEmpty(document)) continue;
    const { value, places } = toJson(document, (message, offset, path) => report(message, offset, path));
    const locate: SourceDocument['locate'] = (path, what = 'value') => place(find(places, path, what));
    documents.push({ value, locate });
  }
  if (documents.length === 0 && problems.length === 0) {
    report('the file holds no document: write an experiment with apiVersion, kind, metadata and spec', 0);
  }
  return { documents, problems };
}

function parse(text: string, report: Report): readonly YamlDocument.Parsed[] {
  try {
    // Repeated keys are found below: the parser compares each key with each other one.
    const options = { prettyErrors: false, logLevel: 'silent', uniqueKeys: false } as const;
    const documents = parseAllDocuments(text, options);
    if (!Array.isArray(documents)) return [];
    if (documents.length <= limits.documents) return documents;
    report(`too many documents in one file: at most ${limits.documents}`, 0, []);
  } catch (error) {
    report(`not valid YAML: ${error instanceof RangeError ? 'nested too deep' : String(error)}`, 0, []);
  }
  return [];
}

const isEmpty = (document: YamlDocument.Parsed) =>
  document.contents === null || (isScalar(document.contents) && document.contents.value === null);

/** Line and column of an offset. */
export type Place = (offset: number) => { readonly line: number; readonly column: number };

/** Line and column, both from 1, of an offset. Not the parser's own counter: it misses lines after some errors. */
function placesIn(text: string): Place {
  const starts = [0];
  for (let i = text.indexOf('\n'); i >= 0; i = text.indexOf('\n', i + 1)) starts.push(i + 1);
  return (offset) => {
    const at = Math.min(Math.max(offset, 0), text.length);
    let [low, high] = [0, starts.length - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((starts[middle] ?? 0) <= at) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: at - (starts[low] ?? 0) + 1 };
  };
}

/** What would take the parser too long: it recurses, and it builds a regular expression for each indentation. */
function tooMuch(text: string): string | undefined {
  if (text.length > limits.bytes) return `the file is too large: ${limits.bytes / 1024 / 1024} MiB is the limit`;
  if (/(?:[-?:][ \t]+){64}/.test(text)) return 'lists are nested too deep within one line';
  return undefined;
}

function find(places: Places, path: Path, what: 'value' | 'key'): number {
  let here = places;
  for (const part of path) {
    const next = here.children.get(part);
    if (!next) return here.at;
    here = next;
  }
  return what === 'key' ? (here.key ?? here.at) : here.at;
}
