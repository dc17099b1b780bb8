import { Command } from 'commander';
import { ZashikiError } from '../core/errors.ts';
import type { CliContext } from './context.ts';

/** One file per command: declares its flags on `command` and returns what it does. Resolves to the exit code. */
export type DefineCommand = (command: Command, context: CliContext) => void;

/** A command that reads its own arguments. */
export type RawCommand = (argv: readonly string[], context: CliContext) => Promise<number>;

const exitCodesOf = new WeakMap<Command, number>();

/** What a command does: gets its arguments and its options, resolves to the exit code. */
export function act<O>(
  command: Command,
  work: (args: readonly string[], options: O & CommonOptions) => Promise<number>,
): void {
  actOn(command, command, work);
}

/** Like `act`, for a sub-command of `top`: it has the common flags, and its exit code is the whole command's. */
export function actOn<O>(
  top: Command,
  command: Command,
  work: (args: readonly string[], options: O & CommonOptions) => Promise<number>,
): void {
  command.action(async () => {
    const options = { ...top.opts(), ...command.opts() } as O & CommonOptions;
    if (options.output !== 'text' && options.output !== 'json') {
      throw new ZashikiError('usage', `--output "${options.output}" is neither text nor json`, {
        hint: '--output is the form of what is printed; files are named by --out or --report',
      });
    }
    const json = options.json === true || options.output === 'json';
    exitCodesOf.set(top, await work(command.processedArgs.flat().filter(Boolean), { ...options, json }));
  });
}

/** The exit code that the command's action came to. */
export const exitCodeOf = (command: Command): number => exitCodesOf.get(command) ?? 0;

export interface CommonOptions {
  readonly json: boolean;
  readonly output: string;
  readonly state?: string;
}

/** A commander command that throws instead of exiting, with the flags that all commands share. */
export function newCommand(name: string, context: CliContext): Command {
  const command = new Command(`zashiki ${name}`)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => context.stdout.write(text),
      // Thrown as well, and told in the form that was asked for.
      writeErr: () => {},
    })
    .helpOption('-h, --help', 'show this help');
  return command;
}

/** Flags that all commands share; added last, so that they stand at the end of the help. */
export function addCommonFlags(command: Command): Command {
  return command
    .option('--json', 'machine-readable output (the same as -o json)')
    .option('-o, --output <text|json>', 'form of the output', 'text')
    .option(
      '--state <folder>',
      'where journals are kept (default: $ZASHIKI_STATE, else the system or user state folder)',
    );
}
