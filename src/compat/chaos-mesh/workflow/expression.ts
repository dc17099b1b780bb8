import { RE2JS } from 're2js';

/** What an expression may speak of: how a Task ended, and what it printed. */
export interface Facts {
  readonly exitCode: number;
  readonly stdout: string;
}

type Value = number | string | boolean | readonly Value[];
type Evaluate = (facts: Facts) => Value;
type Type = 'number' | 'string' | 'boolean' | 'list';
interface Part {
  readonly type: Type;
  readonly value: Evaluate;
  /** A text that was written out. */
  readonly literal?: string;
}

class ExpressionError extends Error {}

const names: Readonly<Record<string, Part>> = {
  exitCode: { type: 'number', value: ({ exitCode }) => exitCode },
  stdout: { type: 'string', value: ({ stdout }) => stdout },
  true: { type: 'boolean', value: () => true },
  false: { type: 'boolean', value: () => false },
};

/** Why a text is no condition; undefined when it is one. */
export function expressionError(text: string): string | undefined {
  try {
    parse(text);
    return undefined;
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    return `not a condition: ${error.message}; write one over exitCode and stdout, such as exitCode == 0 && stdout contains "ok"`;
  }
}

/** Is the condition true of these facts? Throws Error for a text that is none. */
export function holds(text: string, facts: Facts): boolean {
  return parse(text).value(facts) === true;
}

const token =
  /\s*(?:(\d+(?:\.\d+)?)|("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|([A-Za-z_]\w*)|(&&|\|\||==|!=|<=|>=|\.\.|[-+*/%<>!()[\],]))/y;

function tokens(text: string): readonly string[] {
  const found: string[] = [];
  token.lastIndex = 0;
  while (text.slice(token.lastIndex).trim() !== '') {
    const from = token.lastIndex;
    const match = token.exec(text);
    if (!match) throw new ExpressionError(`${JSON.stringify(text.slice(from).trim().slice(0, 12))} is not understood`);
    found.push(match[0].trim());
  }
  return found;
}

/** How strongly an operator binds; from left to right. */
const strengths: Readonly<Record<string, number>> = {
  ...{ '||': 1, or: 1, '&&': 2, and: 2 },
  ...{ '==': 3, '!=': 3, '<': 3, '<=': 3, '>': 3, '>=': 3, contains: 3, matches: 3, startsWith: 3, endsWith: 3, in: 3 },
  ...{ '+': 4, '-': 4, '*': 5, '/': 5, '%': 5 },
};

function parse(text: string): Part {
  const words = tokens(text);
  let [at, depth] = [0, 0];
  const take = (): string => {
    const word = words[at++];
    if (word === undefined) throw new ExpressionError('it ends too early');
    return word;
  };
  const expect = (wanted: string) => {
    const word = take();
    if (word !== wanted) throw new ExpressionError(`${wanted} is missing before ${word}`);
  };

  const list = (end: string): readonly Part[] => {
    const items: Part[] = [];
    while (words[at] !== end) {
      items.push(binary(0));
      if (words[at] !== end) expect(',');
    }
    at++;
    return items;
  };

  const unary = (): Part => {
    if (++depth > 100) throw new ExpressionError('it is nested too deep');
    const word = take();
    if (word === '!' || word === 'not') return checked('boolean', unary(), word, (value) => !value, 'boolean');
    if (word === '-') return checked('number', unary(), word, (value) => -Number(value), 'number');
    if (word === '(') {
      const inside = binary(0);
      expect(')');
      return inside;
    }
    if (word === '[') {
      const items = list(']');
      return { type: 'list', value: (facts) => items.map((item) => item.value(facts)) };
    }
    return operand(word);
  };

  const operand = (word: string): Part => {
    if (/^\d/.test(word)) return { type: 'number', value: () => Number(word) };
    if (/^["']/.test(word)) {
      const plain = word
        .slice(1, -1)
        .replace(/\\(.)/g, (_, char: string) => ({ n: '\n', t: '\t', r: '\r' })[char] ?? char);
      return { type: 'string', value: () => plain, literal: plain };
    }
    if (word === 'len' && words[at] === '(') {
      at++;
      const [only, ...more] = list(')');
      if (!only || more.length > 0) throw new ExpressionError('len takes one text');
      return checked('string', only, 'len', (value) => String(value).length, 'number');
    }
    const named = Object.hasOwn(names, word) ? names[word] : undefined;
    if (!named) throw new ExpressionError(`${word} is not known`);
    return named;
  };

  const binary = (least: number): Part => {
    let left = unary();
    for (;;) {
      const word = words[at] ?? '';
      const negated =
        word === 'not' && ['in', 'contains', 'matches', 'startsWith', 'endsWith'].includes(words[at + 1] ?? '');
      const operator = negated ? (words[at + 1] ?? '') : word;
      const strength = Object.hasOwn(strengths, operator) ? (strengths[operator] ?? 0) : 0;
      if (strength <= least) return left;
      at += negated ? 2 : 1;
      const joined = combine(operator, left, binary(strength));
      left = negated ? { type: 'boolean', value: (facts) => !joined.value(facts) } : joined;
    }
  };

  const whole = binary(0);
  if (at < words.length) throw new ExpressionError(`${words[at]} does not fit there`);
  if (whole.type !== 'boolean') throw new ExpressionError('it says neither true nor false');
  return whole;
}

function checked(wanted: Type, part: Part, name: string, work: (value: Value) => Value, type: Type): Part {
  if (part.type !== wanted) throw new ExpressionError(`${name} takes a ${wanted}`);
  return { type, value: (facts) => work(part.value(facts)) };
}

function combine(operator: string, left: Part, right: Part): Part {
  const both = (wanted: Type) => {
    if (left.type !== wanted || right.type !== wanted)
      throw new ExpressionError(`${operator} takes a ${wanted} on both sides`);
  };
  const make = (type: Type, work: (a: Value, b: Value) => Value): Part => ({
    type,
    value: (facts) => work(left.value(facts), right.value(facts)),
  });
  switch (operator) {
    case '||':
    case 'or':
      both('boolean');
      return { type: 'boolean', value: (facts) => left.value(facts) === true || right.value(facts) === true };
    case '&&':
    case 'and':
      both('boolean');
      return { type: 'boolean', value: (facts) => left.value(facts) === true && right.value(facts) === true };
    case '==':
    case '!=':
      if (left.type !== right.type) throw new ExpressionError(`a ${left.type} never equals a ${right.type}`);
      return make('boolean', (a, b) => (a === b) === (operator === '=='));
    case 'in':
      if (right.type !== 'list') throw new ExpressionError('in takes a list on the right, such as [0, 2]');
      return make('boolean', (a, b) => (b as readonly Value[]).includes(a));
    case 'matches': {
      both('string');
      if (right.literal === undefined) throw new ExpressionError('matches takes a text in quotes on the right');
      const compiled = pattern(right.literal);
      return { type: 'boolean', value: (facts) => compiled.matcher(String(left.value(facts))).find() };
    }
    case 'contains':
    case 'startsWith':
    case 'endsWith':
      both('string');
      return make('boolean', (a, b) => textTests[operator](String(a), String(b)));
    case '+':
      both(left.type === 'string' ? 'string' : 'number');
      return left.type === 'string'
        ? make('string', (a, b) => `${a}${b}`)
        : make('number', (a, b) => Number(a) + Number(b));
  }
  both('number');
  if (operator in comparisons) return make('boolean', (a, b) => comparisons[operator]?.(Number(a), Number(b)) ?? false);
  return make('number', (a, b) => arithmetic[operator]?.(Number(a), Number(b)) ?? 0);
}

const textTests = {
  contains: (a: string, b: string) => a.includes(b),
  startsWith: (a: string, b: string) => a.startsWith(b),
  endsWith: (a: string, b: string) => a.endsWith(b),
} as const;

type OfNumbers<T> = Readonly<Record<string, (a: number, b: number) => T>>;
const comparisons: OfNumbers<boolean> = {
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
};
const arithmetic: OfNumbers<number> = {
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => a / b,
  '%': (a, b) => a % b,
};

function pattern(text: string): RE2JS {
  try {
    return RE2JS.compile(text);
  } catch (error) {
    throw new ExpressionError(`${JSON.stringify(text)} is not a regular expression: ${(error as Error).message}`);
  }
}
