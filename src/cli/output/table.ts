import type { Paint, Tone } from './style.ts';

/** A cell: text, or text with a tone. */
export type Cell = string | { readonly text: string; readonly tone: Tone };

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are exactly the characters that must not get through
const unsafe = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufffe\uffff]|\p{Cs}/gu;
const combining = /^[\p{Mn}\p{Me}\p{Cf}]$/u;
const emoji = /^\p{Emoji_Presentation}$/u;

/** Text from outside on one line: nothing in it can move the cursor, change colours or turn the writing around. */
export function plain(text: string): string {
  return text
    .replace(/\s*[\r\n]+\s*/g, ' ')
    .replace(/\t/g, ' ')
    .replace(unsafe, '\ufffd');
}

/** Columns that a text takes: 2 for East Asian wide characters and emoji, 0 for combining marks. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const char of text) width += charWidth(char);
  return width;
}

function charWidth(char: string): number {
  const code = char.codePointAt(0) ?? 0;
  if (code < 0x300) return 1;
  if (combining.test(char)) return 0;
  return isWide(code) || emoji.test(char) ? 2 : 1;
}

const wideRanges: readonly (readonly [number, number])[] = [
  [0x1100, 0x115f],
  [0x2e80, 0x303e],
  [0x3041, 0x33ff],
  [0x3400, 0x4dbf],
  [0x4e00, 0x9fff],
  [0xa000, 0xa4cf],
  [0xa960, 0xa97f],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe30, 0xfe6f],
  [0xff00, 0xff60],
  [0xffe0, 0xffe6],
  [0x1f300, 0x1f64f],
  [0x1f900, 0x1f9ff],
  [0x20000, 0x3fffd],
];
const isWide = (code: number) => wideRanges.some(([from, to]) => code >= from && code <= to);

/** At most `width` columns, cut with an ellipsis. */
export function truncate(text: string, width: number): string {
  if (width <= 0) return '';
  if (displayWidth(text) <= width) return text;
  let [kept, used] = ['', 0];
  for (const char of text) {
    const next = charWidth(char);
    if (used + next > width - 1) break;
    kept += char;
    used += next;
  }
  return `${kept}…`;
}

/** Exactly `width` columns: cut or filled with spaces. */
export function fillTo(text: string, width: number): string {
  const cut = truncate(text, width);
  return cut + ' '.repeat(Math.max(0, width - displayWidth(cut)));
}

/** A paragraph broken at spaces to lines of at most `width` columns. */
export function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (line !== '' && displayWidth(longer) > width) {
      lines.push(line);
      line = word;
    } else line = longer;
  }
  return [...lines, line];
}

/** Rows under a head, columns two spaces apart; the widest columns give way until all fits into `width`. */
export function renderTable(
  head: readonly string[],
  rows: readonly (readonly Cell[])[],
  { paint, width, indent = '' }: { readonly paint: Paint; readonly width: number; readonly indent?: string },
): string {
  const cells = rows.map((row) =>
    row.map((cell) =>
      typeof cell === 'string' ? { text: plain(cell), tone: 'plain' as const } : { ...cell, text: plain(cell.text) },
    ),
  );
  const widths = head.map((name, column) =>
    Math.max(displayWidth(name), ...cells.map((row) => displayWidth(row[column]?.text ?? ''))),
  );
  shrink(widths, width - indent.length - 2 * (head.length - 1));
  const line = (parts: readonly { readonly text: string; readonly tone: Tone }[]) =>
    (
      indent + parts.map(({ text, tone }, column) => paintFitted(paint, tone, text, widths[column] ?? 0)).join('  ')
    ).trimEnd();
  return [line(head.map((text) => ({ text, tone: 'soft' }))), ...cells.map(line)].join('\n');
}

/** Only the words are coloured, not the spaces behind them. */
function paintFitted(paint: Paint, tone: Tone, text: string, width: number): string {
  const cut = truncate(text, width);
  return paint(tone, cut) + ' '.repeat(Math.max(0, width - displayWidth(cut)));
}

function shrink(widths: number[], room: number): void {
  let over = widths.reduce((sum, each) => sum + each, 0) - room;
  while (over > 0) {
    const widest = widths.indexOf(Math.max(...widths));
    if ((widths[widest] ?? 0) <= 6) return;
    widths[widest] = (widths[widest] ?? 0) - 1;
    over--;
  }
}
