import { problems } from './problem.ts';

// Toxiproxy's clients see what Go's decoder says about a body, so ours says the same (encoding/json of Go 1.2x).

/** A JSON number as it was written: whether `1e3` or `1.5` fits a whole number is judged by its text. */
export class GoNumber {
  readonly raw: string;
  constructor(raw: string) {
    this.raw = raw;
  }
}
export type GoValue = null | boolean | string | GoNumber | readonly GoValue[] | GoObject;
/** Members in order; names may repeat. */
export class GoObject {
  readonly members: readonly (readonly [string, GoValue])[];
  constructor(members: readonly (readonly [string, GoValue])[]) {
    this.members = members;
  }
}

/** Reads the first JSON value; what follows it is ignored, as by Go's stream decoder. Throws `bad request body: …`. */
export function decodeGo(text: string): GoValue {
  let at = 0;
  const bad = (context: string): never => {
    const char = text[at];
    if (char === undefined) throw problems.badBody('unexpected EOF');
    throw problems.badBody(`invalid character ${quoted(char)} ${context}`);
  };
  const space = () => {
    while (' \t\r\n'.includes(text[at] ?? '-')) at++;
  };
  space();
  if (at === text.length) throw problems.badBody('EOF');
  return value(0);

  function value(depth: number): GoValue {
    space();
    if (depth > 10_000) throw problems.badBody('exceeded max depth');
    const char = text[at];
    if (char === '{') return object(depth);
    if (char === '[') return array(depth);
    if (char === '"') return string();
    if (char === '-' || (char !== undefined && char >= '0' && char <= '9')) return number();
    if (char === 't') return literal('true', true);
    if (char === 'f') return literal('false', false);
    if (char === 'n') return literal('null', null);
    return bad('looking for beginning of value');
  }

  function object(depth: number): GoObject {
    const members: (readonly [string, GoValue])[] = [];
    at++;
    space();
    if (text[at] === '}') {
      at++;
      return new GoObject(members);
    }
    for (;;) {
      space();
      if (text[at] !== '"') bad('looking for beginning of object key string');
      const key = string();
      space();
      if (text[at] !== ':') bad('after object key');
      at++;
      members.push([key, value(depth + 1)]);
      space();
      if (text[at] === '}') break;
      if (text[at] !== ',') bad('after object key:value pair');
      at++;
    }
    at++;
    return new GoObject(members);
  }

  function array(depth: number): readonly GoValue[] {
    const items: GoValue[] = [];
    at++;
    space();
    if (text[at] === ']') {
      at++;
      return items;
    }
    for (;;) {
      items.push(value(depth + 1));
      space();
      if (text[at] === ']') break;
      if (text[at] !== ',') bad('after array element');
      at++;
    }
    at++;
    return items;
  }

  function string(): string {
    const from = at++;
    for (;;) {
      const char = text[at];
      if (char === undefined || char < ' ') bad('in string literal');
      at++;
      if (char === '"') break;
      if (char !== '\\') continue;
      const escaped = text[at];
      if (escaped === undefined || !'"\\/bfnrtu'.includes(escaped)) bad('in string escape code');
      at++;
      for (let left = escaped === 'u' ? 4 : 0; left > 0; left--, at++) {
        if (!/[0-9a-fA-F]/.test(text[at] ?? '')) bad('in \\u hexadecimal character escape');
      }
    }
    return JSON.parse(text.slice(from, at)) as string;
  }

  function number(): GoNumber {
    const from = at;
    const digits = (context: string) => {
      if (!/\d/.test(text[at] ?? '')) bad(context);
      while (/\d/.test(text[at] ?? '')) at++;
    };
    if (text[at] === '-') at++;
    if (text[at] === '0') at++;
    else digits('in numeric literal');
    if (text[at] === '.') {
      at++;
      digits('after decimal point in numeric literal');
    }
    if (text[at] === 'e' || text[at] === 'E') {
      at++;
      if (text[at] === '+' || text[at] === '-') at++;
      digits('in exponent of numeric literal');
    }
    return new GoNumber(text.slice(from, at));
  }

  function literal<T extends GoValue>(word: string, meaning: T): T {
    for (const [index, char] of [...word].entries()) {
      if (text[at] !== char) bad(index === 0 ? '' : `in literal ${word} (expecting '${char}')`);
      at++;
    }
    return meaning;
  }
}

/** As `json.Marshal` writes it: no spaces, and `<`, `>`, `&` and two line separators escaped. */
export const encodeGo = (value: unknown): string =>
  JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

const quoted = (char: string): string => {
  if (char === "'") return `'\\''`;
  if (char === '"') return `'"'`;
  const short: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\\': '\\\\' };
  if (short[char]) return `'${short[char]}'`;
  return char < ' ' ? `'\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}'` : `'${char}'`;
};
