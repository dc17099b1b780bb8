import type { CommanderError } from 'commander';
import { errorTable, isError, ZashikiError } from '../core/errors.ts';
import { nearest } from '../core/nearest.ts';
import type { CliContext } from './context.ts';
import { loadCommand, loaders, loadRaw } from './loaders.ts';

declare const __VERSION__: string;

/** Run one command line (without node and script). Resolves to the exit code; never throws for a user's mistake. */
export async function main(argv: readonly string[], given: Partial<CliContext> = {}): Promise<number> {
  const context: CliContext = {
    stdout: process.stdout,
    stderr: process.stderr,
    // Opened only when a command asks on it: opening makes it non-blocking, and documents are read from it as well.
    get stdin() {
      return process.stdin;
    },
    env: process.env,
    version: __VERSION__,
    definition: (other) => loadCommand(other, context),
    ...given,
  };
  survive(context);
  const [name = '', ...rest] = argv[0] === 'help' ? [argv[1] ?? '', '--help'] : argv;
  try {
    const raw = await loadRaw(name);
    if (raw) return await raw(rest, context);
    const command = (await loadCommand(name, context)) ?? unknownCommand(name);
    await command.parseAsync(rest, { from: 'user' });
    return (await import('./command.ts')).exitCodeOf(command);
  } catch (error) {
    if (isOfCommander(error) && error.exitCode === 0) return 0;
    const known = isOfCommander(error) ? commandLineError(error, name) : error;
    const record = asRecord(known);
    context.stderr.write(`${wantsJson(rest) ? JSON.stringify({ error: record }) : explain(known, context)}\n`);
    return isError(known) ? errorTable[known.code].exit : errorTable.internal.exit;
  }
}

/**
 * A reader that goes away (`zashiki runs | head`), a terminal that was closed, a full disk behind `>`: none of these
 * may end a run in the middle. What cannot be shown is lost; the journal has it all.
 */
function survive({ stdout, stderr }: CliContext): void {
  let told = false;
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (told || error.code === 'EPIPE') return;
    told = true;
    stderr.write(`zashiki: standard output cannot be written any more: ${error.message}\n`);
  });
  stderr.on('error', () => {});
}

/** Whether the command line asks for JSON, also when it is too wrong to be parsed. */
const wantsJson = (argv: readonly string[]) =>
  argv.some(
    (arg, index) =>
      arg === '--json' ||
      /^(-o|--output=)json$/.test(arg) ||
      (/^(-o|--output)$/.test(argv[index - 1] ?? '') && arg === 'json'),
  );

/** Told by its code, so that commander is loaded only where it parses. */
const isOfCommander = (error: unknown): error is CommanderError =>
  error instanceof Error && String((error as Partial<CommanderError>).code).startsWith('commander.');

/** What the parser of command lines found: `error: unknown option '--jsn'\n(Did you mean --json?)`. */
function commandLineError(error: CommanderError, name: string): ZashikiError {
  const [message = '', near] = error.message.replace(/^error: /, '').split('\n');
  return new ZashikiError('usage', message, {
    hint: [near?.replace(/^\(Did you mean (.*)\?\)$/, 'did you mean $1?'), `zashiki ${name} --help shows all options`]
      .filter(Boolean)
      .join('\n  '),
  });
}

function unknownCommand(name: string): never {
  const near = nearest(name, Object.keys(loaders));
  throw new ZashikiError('usage', `unknown command "${name}"`, {
    hint: near ? `did you mean "${near}"?` : 'zashiki --help lists the commands',
  });
}

const asRecord = (error: unknown) =>
  isError(error)
    ? { code: error.code, message: error.message, hint: error.hint, at: error.at }
    : { code: 'internal', message: error instanceof Error ? error.message : String(error) };

function explain(error: unknown, context: CliContext): string {
  if (!isError(error)) {
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return `zashiki: internal error: ${context.env.ZASHIKI_DEBUG ? stack : stack.split('\n').slice(0, 2).join('\n')}`;
  }
  const place = error.at ? `${error.at.file}:${error.at.line}:${error.at.column}: ` : '';
  const hint = error.hint ? `\n  ${error.hint}` : '';
  // Problems of a document are many lines and bring their own places.
  return error.code === 'document-invalid' ? `${error.message}${hint}` : `zashiki: ${place}${error.message}${hint}`;
}
