import type { Milliseconds } from '../../core/model.ts';

const named: Readonly<Record<string, string>> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
  '"': '\\"',
};

/** A text as Go's `%q` writes it. */
export function goQuote(text: string): string {
  let quoted = '';
  for (const char of text) quoted += named[char] ?? (printable.test(char) ? char : escaped(char));
  return `"${quoted}"`;
}

const printable = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;

function escaped(char: string): string {
  const code = char.codePointAt(0) ?? 0;
  if (code >= 0xd800 && code <= 0xdfff) return '\ufffd';
  if (code < 0x80) return `\\x${code.toString(16).padStart(2, '0')}`;
  return code > 0xffff ? `\\U${code.toString(16).padStart(8, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
}

/** A whole number as Go's flags read it: `7`, `-7`, `0x1f`, `0b11`, `017`, `1_000`. Throws with Go's words. */
export function parseGoInt(text: string): number {
  const match = /^([+-]?)(0[xX][\da-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|0[0-7_]*|[1-9][\d_]*)$/.exec(text);
  if (!match || /__|_$/.test(text)) throw new Error('parse error');
  const digits = (match[2] ?? '').replaceAll('_', '');
  const value = BigInt(/^0\d/.test(digits) ? `0o${digits.slice(1)}` : digits);
  const signed = match[1] === '-' ? -value : value;
  if (signed > 0x7fffffffffffffffn || signed < -0x8000000000000000n) throw new Error('value out of range');
  return Number(signed);
}

/** A number as Go's flags read it. Throws with Go's words; also for what is no number, which Go lets through. */
export function parseGoFloat(text: string): number {
  if (!/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text)) throw new Error('parse error');
  const value = Number(text);
  if (!Number.isFinite(value)) throw new Error('value out of range');
  return value;
}

/** A truth value as Go reads it; undefined when it is none. */
export function parseGoBool(text: string): boolean | undefined {
  if (/^(1|t|T|TRUE|true|True)$/.test(text)) return true;
  return /^(0|f|F|FALSE|false|False)$/.test(text) ? false : undefined;
}

/** A duration as Go prints it: `1m30s`, `1.5s`, `250ms`, `0s`. */
export function goDuration(ms: Milliseconds): string {
  if (ms === 0) return '0s';
  const sign = ms < 0 ? '-' : '';
  const ns = Math.round(Math.abs(ms) * 1e6);
  if (ns < 1e3) return `${sign}${ns}ns`;
  if (ns < 1e6) return `${sign}${trimmed(ns / 1e3)}µs`;
  if (ns < 1e9) return `${sign}${trimmed(ns / 1e6)}ms`;
  const [hours, minutes] = [Math.floor(ns / 3.6e12), Math.floor(ns / 6e10) % 60];
  const seconds = trimmed((ns % 6e10) / 1e9);
  return `${sign}${hours ? `${hours}h` : ''}${hours || minutes ? `${minutes}m` : ''}${seconds}s`;
}

const trimmed = (value: number) => value.toFixed(9).replace(/\.?0+$/, '');

const html: Readonly<Record<string, string>> = {
  '<': '\\u003c',
  '>': '\\u003e',
  '&': '\\u0026',
  '\u2028': '\\u2028',
  '\u2029': '\\u2029',
};

/** JSON as Go's encoder writes it: HTML characters escaped. */
export const goJson = (value: unknown): string =>
  JSON.stringify(value).replace(/[<>&\u2028\u2029]/g, (char) => html[char] ?? char);

/** Two decimals like Pumba, and more where they count. */
export const decimals = (value: number): string =>
  Number(value.toFixed(2)) === value ? value.toFixed(2) : String(value);
