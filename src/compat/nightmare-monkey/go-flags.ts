import { ZashikiError } from '../../core/errors.ts';
import { nearest } from '../../core/nearest.ts';

/** A flag as Go's `flag` package reads it; `bool` needs no value, `count` is a whole number. */
export interface GoFlag {
  /** The long name first, then one letter if there is one. */
  readonly names: readonly [string, ...string[]];
  readonly kind: 'bool' | 'text' | 'count';
  readonly default?: string | number;
  readonly usage: string;
}

export type GoValue = boolean | string | number;

export interface GoFlags {
  /** By long name; absent when it was not given. */
  readonly given: ReadonlyMap<string, GoValue>;
  readonly rest: readonly string[];
}

/**
 * Reads arguments by the rules of urfave/cli 1.20 (Go's `flag`): one dash or two, `-port 9` or `-port=9`, a bool takes
 * a value only after `=`, the first argument that is no flag ends them. Throws `usage` naming the flag.
 */
export function readGoFlags(flags: readonly GoFlag[], argv: readonly string[]): GoFlags {
  const byName = new Map(flags.flatMap((flag) => flag.names.map((name) => [name, flag] as const)));
  const given = new Map<string, GoValue>();
  const usedAs = new Map<GoFlag, string>();
  let at = 0;
  for (; at < argv.length; at++) {
    const argument = argv[at] ?? '';
    if (argument === '--') return { given, rest: argv.slice(at + 1) };
    if (argument === '-' || !argument.startsWith('-')) break;
    const match = /^--?([^-=][^=]*)(?:=(.*))?$/s.exec(argument);
    if (!match) throw usage(`"${argument}" is not a flag`);
    const name = match[1] ?? '';
    const flag = byName.get(name);
    if (!flag) throw unknownFlag(name, byName.keys());
    const before = usedAs.get(flag);
    if (before !== undefined && before !== name) {
      throw usage(`${dashed(before)} and ${dashed(name)} are the same flag; give one of them`);
    }
    usedAs.set(flag, name);
    let text = match[2];
    if (text === undefined && flag.kind === 'bool') text = 'true';
    if (text === undefined) {
      at++;
      text = argv[at];
      if (text === undefined) throw usage(`${dashed(name)} needs a value`);
    }
    given.set(flag.names[0], readValue(flag, name, text));
  }
  return { given, rest: argv.slice(at) };
}

/** `--port`, or `-p` for one letter. */
export const dashed = (name: string) => (name.length === 1 ? `-${name}` : `--${name}`);

function readValue(flag: GoFlag, name: string, text: string): GoValue {
  if (flag.kind === 'text') return text;
  if (flag.kind === 'bool') {
    if (/^(1|t|T|TRUE|true|True)$/.test(text)) return true;
    if (/^(0|f|F|FALSE|false|False)$/.test(text)) return false;
    throw usage(`${dashed(name)}: "${text}" is neither true nor false`);
  }
  const number = /^(\d+|0[xX][0-9a-fA-F]+)$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(number)) throw usage(`${dashed(name)}: "${text}" is not a whole number`);
  return number;
}

function unknownFlag(name: string, known: Iterable<string>): ZashikiError {
  const near = nearest(name, known);
  return usage(`unknown flag ${dashed(name)}${near ? `; did you mean ${dashed(near)}?` : ''}`);
}

const usage = (message: string) => new ZashikiError('usage', message);
