import { userInfo } from 'node:os';
import type { Command } from 'commander';
import { ZashikiError } from '../core/errors.ts';

/** What a command may use of the world; passed in, so that tests can stand in for it. */
export interface CliContext {
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly stdin: NodeJS.ReadStream;
  readonly env: NodeJS.ProcessEnv;
  readonly version: string;
  /** Another command's definition, for completion; undefined for an unknown name. */
  readonly definition: (name: string) => Promise<Command | undefined>;
}

/** Print to standard output, with a newline. */
export const say = (context: CliContext, text: string): void => {
  context.stdout.write(`${text}\n`);
};

/** Print one JSON document. */
export const sayJson = (context: CliContext, value: unknown): void => say(context, JSON.stringify(value, null, 2));

/** The person behind a command: `SUDO_USER`, else the name of this process's user. */
export function person(context: CliContext): string {
  if (context.env.SUDO_USER) return context.env.SUDO_USER;
  try {
    return userInfo().username;
  } catch {
    // A container's uid need not have a name.
    return `uid ${process.getuid?.() ?? '?'}`;
  }
}

/** A usage error with the way out. */
export const usage = (message: string, hint?: string): ZashikiError =>
  new ZashikiError('usage', message, hint === undefined ? {} : { hint });

/** Print one JSON document on one line: an event stream. */
export const sayJsonLine = (context: CliContext, value: unknown): void => say(context, JSON.stringify(value));
