import { nearest } from '../../core/nearest.ts';
import { type CliContext, say, sayJson, usage } from '../context.ts';

interface Row {
  readonly id: string;
  readonly summary: string;
}

/** What a registry's command shows: its entries, and more about one of them. */
export interface CatalogueView<E extends Row, R extends Row> {
  /** Singular, as the command is called without its `s`: `fault`. */
  readonly noun: string;
  readonly entries: readonly E[];
  /** One entry as --json gives it. */
  readonly row: (entry: E) => R;
  /** What is shown of a single one, e.g. `its parameters`, and how. */
  readonly more: string;
  readonly details: (row: R) => readonly string[];
}

/** Print all entries, or the one of this id with its details. Throws `usage` with the nearest id. */
export function showCatalogue<E extends Row, R extends Row>(
  context: CliContext,
  { noun, entries, row, more, details }: CatalogueView<E, R>,
  id: string | undefined,
  json: boolean | undefined,
): void {
  const rows = entries.filter((entry) => id === undefined || entry.id === id).map(row);
  const [only] = rows;
  if (!only && id !== undefined) {
    const ids = entries.map((entry) => entry.id);
    const near = nearest(id, ids);
    throw usage(`unknown ${noun} "${id}"`, near ? `did you mean "${near}"?` : `\`zashiki ${noun}s\` lists them`);
  }
  if (json) {
    sayJson(context, rows);
    return;
  }
  const width = Math.max(...rows.map((one) => one.id.length));
  for (const one of rows) say(context, `${one.id.padEnd(width)}  ${one.summary}`);
  const lines = id !== undefined && only ? details(only) : [`\n\`zashiki ${noun}s ID\` shows ${more}.`];
  for (const line of lines) say(context, line);
}
