import type { ParamDescription } from '../../src/spec/params.ts';
import { shortForm } from '../../src/spec/params.ts';

/** The first lines of every generated page. */
export const generated = (source: string): string =>
  `<!-- Made by \`npm run docs\` from ${source}. Change it there, not here. -->`;

/** A table; cells are escaped, and an empty cell stays empty. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(cell).join(' | ')} |`;
  return [line(head), `|${head.map(() => '---').join('|')}|`, ...rows.map(line)].join('\n');
}

const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

/** Text in code style. */
export const code = (text: string): string => `\`${text}\``;

/** The parameters of a schema; what is left out by default is said in words. */
export function paramTable(params: readonly ParamDescription[], none = 'No parameters.'): string {
  if (params.length === 0) return none;
  const rows = params.map(({ name, type, required, description, ...rest }) => [
    name === shortForm ? name : code(name),
    type,
    required ? '**required**' : 'default' in rest ? code(plain(rest.default)) : '',
    'default' in rest ? withoutDefault(description) : description,
  ]);
  return table(['Name', 'Type', 'Default', 'Meaning'], rows);
}

const plain = (value: unknown) => (typeof value === 'string' ? value || '""' : JSON.stringify(value));

/** The table has a column of its own for what `Default …` at the end of a description says. */
const withoutDefault = (text: string) => text.replace(/\s*Default:? [^.]*\.?$/, '');

/** A fenced block. */
export const block = (text: string, language = ''): string => `\`\`\`${language}\n${text.trimEnd()}\n\`\`\``;

/** Parts of a page, an empty line between each two; parts that are not there are left out. */
export const page = (...parts: readonly (string | false | undefined)[]): string =>
  `${parts.filter(Boolean).join('\n\n')}\n`;
