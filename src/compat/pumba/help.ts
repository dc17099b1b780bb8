import type { CommandSpec } from './commands.ts';
import type { Flag } from './flag-set.ts';
import { goDuration, goQuote } from './go-text.ts';

export const appName = 'Pumba';
const appUsage = 'breaks containers on purpose, to see whether the rest copes; cleans up after itself';
export const helpCommand = {
  name: 'help',
  names: ['help', 'h'],
  usage: 'Shows a list of commands or help for one command',
  argsUsage: '[command]',
} as const;

type Row = readonly [left: string, right: string];

/** The help of the whole program, in the layout of urfave/cli 1.22. */
export function appHelp(options: {
  readonly program: string;
  readonly version: string;
  readonly argsUsage: string;
  readonly flags: readonly Flag[];
  readonly commands: readonly CommandSpec[];
}): string {
  return lines([
    'NAME:',
    `   ${appName} - ${appUsage}`,
    '',
    'USAGE:',
    `   ${options.program} [global options] command [command options] ${options.argsUsage}`,
    '',
    'VERSION:',
    `   ${options.version}`,
    '',
    'COMMANDS:',
    ...columns([...commandRows(options.commands), [helpCommand.names.join(', '), helpCommand.usage]]),
    '',
    'GLOBAL OPTIONS:',
    ...flagRows(options.flags),
  ]);
}

/** The help of one command. `of` is what stands before its name. */
export function commandHelp(of: string, command: CommandSpec | typeof helpCommand): string {
  const flags = 'flags' in command ? command.flags : [];
  const description = 'description' in command ? ['', 'DESCRIPTION:', `   ${command.description}`] : [];
  return lines([
    'NAME:',
    `   ${of} ${command.name} - ${command.usage}`,
    '',
    'USAGE:',
    `   ${of} ${command.name}${flags.length ? ' [command options]' : ''} ${command.argsUsage}`,
    ...description,
    ...options(flags),
  ]);
}

/** The help of a command that has commands of its own. */
export function subcommandHelp(of: string, command: CommandSpec, help: Flag): string {
  return lines([
    'NAME:',
    `   ${of} ${command.name} - ${command.description}`,
    '',
    'USAGE:',
    `   ${of} ${command.name} command [command options] ${command.argsUsage}`,
    '',
    'COMMANDS:',
    ...columns(commandRows(command.subcommands ?? [])),
    ...options([...command.flags, help]),
  ]);
}

const lines = (all: readonly string[]) => `${all.join('\n')}\n`;

/** Ends with a line of three blanks, as urfave's does. */
const options = (flags: readonly Flag[]) => (flags.length ? ['', 'OPTIONS:', ...flagRows(flags), '   '] : []);

const commandRows = (commands: readonly CommandSpec[]): readonly Row[] =>
  commands.filter(({ hidden }) => !hidden).map(({ name, usage }) => [name, usage]);

const flagRows = (flags: readonly Flag[]) =>
  columns(flags.filter(({ hidden }) => !hidden).map((flag) => [forms(flag), described(flag)] as const));

function columns(rows: readonly Row[]): readonly string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `   ${left.padEnd(width)}  ${right}`);
}

const takesValue = ({ kind }: Flag) => kind !== 'bool' && kind !== 'on';

const forms = (flag: Flag) =>
  flag.names.map((name) => `${name.length === 1 ? '-' : '--'}${name}${takesValue(flag) ? ' value' : ''}`).join(', ');

function described(flag: Flag): string {
  const env = flag.env === undefined ? '' : ` [$${flag.env}]`;
  return `${flag.usage}${defaultText(flag)}${env}`;
}

function defaultText({ kind, default: value }: Flag): string {
  if (kind === 'text') return value === undefined || value === '' ? '' : ` (default: ${goQuote(String(value))})`;
  if (kind === 'duration') return ` (default: ${goDuration(Number(value ?? 0))})`;
  return kind === 'int' || kind === 'float' ? ` (default: ${value ?? 0})` : '';
}
