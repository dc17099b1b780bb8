import { type CommandSpec, commands, targetsUsage } from './commands.ts';
import { completions } from './completion.ts';
import { EnvironmentError, type Flag, FlagError, type FlagSet, readFlags, TwoForms } from './flag-set.ts';
import { globalFlags, helpFlag, versionFlag } from './global-flags.ts';
import { appHelp, appName, commandHelp, helpCommand, subcommandHelp } from './help.ts';
import { readOldLinks } from './old-spellings.ts';

/** One command with what was given to it. */
export interface Given {
  readonly name: string;
  readonly flags: FlagSet;
}

/** A command line that asks for something to be done. */
export interface Line {
  readonly global: FlagSet;
  /** `netem` or `iptables`. */
  readonly parent?: Given;
  /** The command; for `netem` each of the effects, of which one line may have several. */
  readonly commands: readonly [Given, ...Given[]];
  readonly needsTarget: boolean;
  readonly targets: readonly string[];
}

/** What a command line comes to. `text` is for standard output. */
export type Read =
  | { readonly kind: 'do'; readonly line: Line }
  | { readonly kind: 'say'; readonly text: string }
  /** Exit 1 after `text` and a fatal log line. */
  | { readonly kind: 'wrong'; readonly text: string; readonly error: string; readonly global?: FlagSet }
  /** Exit 3; `error` is for standard error. */
  | { readonly kind: 'unknown'; readonly error: string; readonly global: FlagSet };

export interface ReadLineOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** How it was called. */
  readonly program: string;
  readonly version: string;
}

/** A command line of Pumba 1.1.7 (urfave/cli 1.22), and its older spellings. Never throws for what a user wrote. */
export function readLine(given: readonly string[], { env, program, version }: ReadLineOptions): Read {
  // Old images had an entry point that took the name of the program as its first argument.
  const argv = given[0] === 'pumba' ? given.slice(1) : given;
  const flags = [...globalFlags(env.DOCKER_CERT_PATH || '/etc/ssl/docker'), helpFlag, versionFlag];
  const help = () => appHelp({ program, version, argsUsage: targetsUsage, flags, commands });
  if (argv.at(-1) === '--generate-bash-completion') {
    return { kind: 'say', text: completions(argv.slice(0, -1), flags, commands, env) };
  }
  let global: FlagSet;
  try {
    global = readFlags(flags, argv, { env });
  } catch (error) {
    if (error instanceof EnvironmentError) return { kind: 'wrong', text: '', error: error.message };
    return incorrect(error, help());
  }
  if (global.values.get('help') === true) return { kind: 'say', text: help() };
  if (global.values.get('version') === true) return { kind: 'say', text: `${appName} version ${version}\n` };
  const [name, ...rest] = global.rest;
  if (name === undefined) return { kind: 'say', text: help() };
  if (isHelp(name)) return helpOn(rest, global, help, commands, program);
  const command = commands.find((each) => each.name === name);
  if (!command) return unknown(name, global);
  if (command.subcommands) return readParent(command, rest, global, env);
  return readLeaf([], command, rest, { global, env, of: program });
}

const isHelp = (name: string) => name === 'help' || name === 'h';
const unknown = (name: string, global: FlagSet): Read => ({
  kind: 'unknown',
  error: `No help topic for '${name}'`,
  global,
});

/** urfave tells two spellings without its usual words, except of the last command. */
function incorrect(error: unknown, help: string, between = ''): Read {
  if (!(error instanceof FlagError)) throw error;
  const { message } = error;
  const text = error instanceof TwoForms ? `${message}\n${between}${help}` : `Incorrect Usage. ${message}\n\n${help}`;
  return { kind: 'wrong', text, error: message };
}

function helpOn(
  rest: readonly string[],
  global: FlagSet,
  all: () => string,
  known: readonly CommandSpec[],
  of: string,
): Read {
  const own = readHelpFlags(rest);
  if (own === undefined) return { kind: 'say', text: commandHelp(of, helpCommand) };
  const [topic] = own;
  if (topic === undefined) return { kind: 'say', text: all() };
  if (isHelp(topic)) return { kind: 'say', text: commandHelp(of, helpCommand) };
  const command = known.find((each) => each.name === topic);
  return command ? { kind: 'say', text: commandHelp(of, command) } : unknown(topic, global);
}

/** Arguments of `help`; undefined when it is asked for help on itself. */
function readHelpFlags(rest: readonly string[]): readonly string[] | undefined {
  const flags = readFlags([helpFlag], rest, { env: {}, anywhere: true });
  return flags.values.get('help') === true ? undefined : flags.rest;
}

function readParent(command: CommandSpec, argv: readonly string[], global: FlagSet, env: ReadLineOptions['env']): Read {
  const of = `${appName} ${command.name}`;
  const help = subcommandHelp(appName, command, helpFlag);
  let own: FlagSet;
  try {
    own = readFlags([...command.flags, helpFlag], argv, { env });
  } catch (error) {
    const read = incorrect(error, help, '\n');
    return read.kind === 'wrong' ? { ...read, global } : read;
  }
  if (own.values.get('help') === true) return { kind: 'say', text: help };
  const [name, ...rest] = own.rest;
  if (name === undefined) return { kind: 'say', text: help };
  const known = command.subcommands ?? [];
  if (isHelp(name)) return helpOn(rest, global, () => help, known, of);
  const sub = known.find((each) => each.name === name);
  if (!sub) return unknown(name, global);
  return readLeaf([], sub, rest, { global, env, of, parent: { name: command.name, flags: own }, siblings: known });
}

interface Level {
  readonly global: FlagSet;
  readonly env: ReadLineOptions['env'];
  readonly of: string;
  readonly parent?: Given;
  readonly siblings?: readonly CommandSpec[];
}

/** The last command of a line, or with `netem` the next of its effects. */
function readLeaf(before: readonly Given[], command: CommandSpec, argv: readonly string[], level: Level): Read {
  const { global, env, of, parent, siblings = [] } = level;
  const known = [...command.flags, helpFlag];
  let own: FlagSet;
  try {
    const stopAt = (rest: readonly string[], targets: readonly string[]) =>
      targets.length === 0 && nextEffect(rest, siblings, command) !== undefined;
    own = readFlags(known, command.name === 'rm' ? readOldLinks(argv) : argv, { env, anywhere: true, stopAt });
  } catch (error) {
    if (!(error instanceof FlagError)) throw error;
    const text = `Incorrect Usage: ${error.message}\n\n${commandHelp(of, command)}`;
    return { kind: 'wrong', text, error: error.message, global };
  }
  if (own.values.get('help') === true) return { kind: 'say', text: commandHelp(of, command) };
  const last: Given = { name: command.name, flags: own };
  const given: Line['commands'] = before[0] ? [before[0], ...before.slice(1), last] : [last];
  const next = nextEffect(own.more, siblings, command);
  if (next) return readLeaf(given, next, own.more.slice(1), level);
  if (before.length > 0 && own.rest.length === 0) {
    const error = 'name the containers after the last effect, or write "re2:" for all of them';
    return { kind: 'wrong', text: '', error, global };
  }
  return {
    kind: 'do',
    line: {
      global,
      ...(parent ? { parent } : {}),
      commands: given,
      needsTarget: command.needsTarget === true,
      targets: own.rest,
    },
  };
}

/** `netem delay --time 100 loss --percent 20 web`: an effect's name with a flag of its own behind it. */
function nextEffect(
  rest: readonly string[],
  siblings: readonly CommandSpec[],
  current: CommandSpec,
): CommandSpec | undefined {
  const [name, flag = ''] = rest;
  if (current.name === 'combine') return undefined;
  const next = siblings.find((each) => each.name === name && each.name !== 'combine');
  const word = /^--?([^-=][^=]*)/.exec(flag)?.[1];
  return next?.flags.some((each: Flag) => word !== undefined && each.names.includes(word)) ? next : undefined;
}
