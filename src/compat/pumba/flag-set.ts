import { parseGoDuration } from '../../core/schedule/go-duration.ts';
import { goQuote, parseGoBool, parseGoFloat, parseGoInt } from './go-text.ts';

/** What a flag takes. `on` is a bool that is true unless it is switched off; `list` may be given again and again. */
export type FlagKind = 'bool' | 'on' | 'text' | 'int' | 'float' | 'duration' | 'list';
export type FlagValue = boolean | number | string | readonly string[];

/** A flag of one command, as urfave/cli 1.22 declares it. */
export interface Flag {
  /** The long name first, then its other spellings. */
  readonly names: readonly [string, ...string[]];
  readonly kind: FlagKind;
  readonly default?: string | number;
  readonly usage: string;
  /** Read when the flag is not given. Set but empty is an empty text, or false. */
  readonly env?: string;
  /** Accepted, and not in the help: spellings of older versions. */
  readonly hidden?: true;
}

/** What was given, by the first name of each flag. */
export interface FlagSet {
  readonly values: ReadonlyMap<string, FlagValue>;
  /** Flags that stood on the command line. */
  readonly set: ReadonlySet<string>;
  readonly rest: readonly string[];
  /** What stands from where `stopAt` ended the reading; empty when it did not. */
  readonly more: readonly string[];
}

/** What is wrong with a command line, in the words of Go's `flag` package. */
export class FlagError extends Error {}
/** One flag was given under two of its names; urfave/cli tells it in another form. */
export class TwoForms extends FlagError {}

export interface ReadOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Flags may also follow arguments, up to `--`. The last level of commands only. */
  readonly anywhere?: boolean;
  /** Asked at each argument (with what follows); true ends the reading there. Default: never. */
  readonly stopAt?: (rest: readonly string[], before: readonly string[]) => boolean;
}

/**
 * Read arguments as Go's `flag` does: one dash or two, `-f v` or `-f=v`, a bool takes a value only after `=`, `--`
 * ends the flags. Throws FlagError with Go's words, TwoForms when a flag has two of its spellings.
 */
export function readFlags(flags: readonly Flag[], argv: readonly string[], options: ReadOptions): FlagSet {
  const byName = new Map(flags.flatMap((flag) => flag.names.map((name) => [name, flag] as const)));
  const values = defaults(flags, options.env);
  const usedAs = new Map<Flag, Set<string>>();
  const rest: string[] = [];
  let more: readonly string[] = [];
  let failure: FlagError | undefined;
  let at = 0;
  try {
    for (; at < argv.length; at++) {
      const argument = argv[at] ?? '';
      if (argument === '--') {
        rest.push(...argv.slice(at + 1));
        break;
      }
      if (argument.length < 2 || !argument.startsWith('-')) {
        if (!options.anywhere) {
          rest.push(...argv.slice(at));
          break;
        }
        if (options.stopAt?.(argv.slice(at), rest)) {
          more = argv.slice(at);
          break;
        }
        rest.push(argument);
        continue;
      }
      const { name, text } = split(argument);
      const flag = byName.get(name);
      if (!flag) throw new FlagError(`flag provided but not defined: -${name}`);
      const boolean = flag.kind === 'bool' || flag.kind === 'on';
      if (text === undefined && !boolean && at + 1 >= argv.length) {
        throw new FlagError(`flag needs an argument: -${name}`);
      }
      const given = text ?? (boolean ? 'true' : (argv[++at] ?? ''));
      const value = readValue(flag, name, given);
      const before = values.get(flag.names[0]);
      const added = flag.kind === 'list' && usedAs.has(flag) ? [...(before as readonly string[]), given] : value;
      values.set(flag.names[0], added);
      usedAs.set(flag, (usedAs.get(flag) ?? new Set()).add(name));
    }
  } catch (error) {
    if (!(error instanceof FlagError)) throw error;
    failure = error;
  }
  // urfave looks for two spellings first, whatever else is wrong.
  for (const flag of flags) {
    const [first, second] = flag.names.filter((name) => usedAs.get(flag)?.has(name));
    if (second !== undefined) throw new TwoForms(`Cannot use two forms of the same flag: ${second} ${first}`);
  }
  if (failure) throw failure;
  return { values, set: new Set([...usedAs.keys()].map(({ names }) => names[0])), rest, more };
}

function split(argument: string): { readonly name: string; readonly text: string | undefined } {
  const body = argument.slice(argument.startsWith('--') ? 2 : 1);
  if (body === '' || body.startsWith('-') || body.startsWith('=')) {
    throw new FlagError(`bad flag syntax: ${argument}`);
  }
  const equals = body.indexOf('=');
  if (equals < 0) return { name: body, text: undefined };
  return { name: body.slice(0, equals), text: body.slice(equals + 1) };
}

function readValue({ kind }: Flag, name: string, text: string): FlagValue {
  const wrong = (why: string) => new FlagError(`invalid value ${goQuote(text)} for flag -${name}: ${why}`);
  try {
    if (kind === 'int') return parseGoInt(text);
    if (kind === 'float') return parseGoFloat(text);
  } catch (error) {
    throw wrong((error as Error).message);
  }
  if (kind === 'duration') {
    const duration = durationOf(text);
    if (duration === undefined) throw wrong('parse error');
    return duration;
  }
  if (kind === 'bool' || kind === 'on') {
    const value = parseGoBool(text);
    if (value === undefined) throw new FlagError(`invalid boolean value ${goQuote(text)} for -${name}: parse error`);
    return value;
  }
  return kind === 'list' ? [text] : text;
}

/** Milliseconds of a Go duration; undefined when it is none. Days, which Go does not know, are none. */
export function durationOf(text: string): number | undefined {
  if (/\dd/.test(text)) return undefined;
  try {
    return parseGoDuration(text);
  } catch {
    return undefined;
  }
}

const empty: Readonly<Record<FlagKind, FlagValue>> = {
  bool: false,
  on: true,
  text: '',
  int: 0,
  float: 0,
  duration: 0,
  list: [],
};

function defaults(flags: readonly Flag[], env: ReadOptions['env']): Map<string, FlagValue> {
  return new Map(
    flags.map((flag) => {
      const given = flag.env === undefined ? undefined : env[flag.env];
      const value = given === undefined ? (flag.default ?? empty[flag.kind]) : fromEnvironment(flag, given);
      return [flag.names[0], value];
    }),
  );
}

/** Wrong variables are told without a help page: `EnvironmentError`. */
export class EnvironmentError extends Error {}

function fromEnvironment(flag: Flag, given: string): FlagValue {
  if (flag.kind !== 'bool') return given;
  const value = given === '' ? false : parseGoBool(given);
  if (value !== undefined) return value;
  throw new EnvironmentError(
    `could not parse ${given} as bool value for flag ${flag.names.join(', ')}: strconv.ParseBool: parsing ${goQuote(given)}: invalid syntax`,
  );
}
