import type { EpochMs } from '../../core/model.ts';

const two = (n: number) => String(n).padStart(2, '0');

/** `2006/01/02 15:04:05 `, local time: the prefix of Go's standard logger. */
export function logPrefix(at: EpochMs): string {
  const date = new Date(at);
  const day = `${date.getFullYear()}/${two(date.getMonth() + 1)}/${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())} `;
}

/** One line stays one line: a description from the network cannot forge a second one. */
export const oneLine = (text: string) =>
  text.replace(/\p{Cc}/gu, (char) => {
    if (char === '\t') return char;
    return char === '\n' ? '\\n' : `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });

const escapes: Readonly<Record<string, string>> = {
  '<': '\\u003c',
  '>': '\\u003e',
  '&': '\\u0026',
  '\u2028': '\\u2028',
  '\u2029': '\\u2029',
};

/** JSON as Go's encoder writes it: HTML characters escaped, `\b` and `\f` as code points, a newline at the end. */
export function goJson(value: unknown): string {
  const text = JSON.stringify(value)
    .replace(/[<>&\u2028\u2029]/g, (char) => escapes[char] ?? char)
    .replace(/\\(?:u[dD][89a-fA-F][0-9a-fA-F]{2}|.)/g, goEscape);
  return `${text}\n`;
}

function goEscape(sequence: string): string {
  if (sequence === '\\b') return '\\u0008';
  if (sequence === '\\f') return '\\u000c';
  // Half a character: Go's strings cannot hold one.
  return /^\\ud/i.test(sequence) ? '\\ufffd' : sequence;
}
