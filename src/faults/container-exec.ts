import { z } from 'zod';
import { ZashikiError } from '../core/errors.ts';
import { DurationOr } from '../core/fields.ts';
import { defineFault } from './fault.ts';
import { readNote, writeNote } from './parts/notes.ts';
import { Command } from './parts/words.ts';

/** As much of the output as the journal keeps. */
const most = 1000;

/** How a program says that a signal has ended it: the container may have ended with it. */
const bySignal = (code: number) => code > 128 && code < 128 + 65;

/** Runs one program inside a container, with what is installed there, and waits for it. No shell takes part. */
export default defineFault({
  id: 'container-exec',
  summary: 'Run a program inside the container.',
  needs: ['exec'],
  params: z.strictObject({
    command: Command.describe(
      'The program and its arguments: a list, or one text, split as a shell would; no shell runs.',
    ),
    user: z
      .string()
      .min(1)
      .optional()
      .describe(
        'Who runs it: a name or number, with `:group` if wanted. Default root; in a pod it is always the user of its container.',
      ),
    timeout: DurationOr('30s').describe('How long it may take. Default 30s.'),
  }),
  reversible: false,
  undoneBy: 'nothing: what the program did stays',
  async plan() {
    return {};
  },
  async inject(on, { command, user, timeout }, _undo, context) {
    const { code, stdout, stderr } = await on.exec.run(command, {
      ...(user === undefined ? {} : { user }),
      timeoutMs: timeout,
      signal: context.signal,
    });
    const output = shorten([stdout, stderr].filter(Boolean).join('\n').trim());
    if (code === 126 || code === 127) {
      throw new ZashikiError('inject-failed', `${command[0]} could not be run in the container: ${output}`, {
        hint: 'name a program that is installed there; write a list if a name has blanks',
      });
    }
    await writeNote(context, 'finished', { code, output });
  },
  async observe(_on, { command }, _undo, context) {
    const finished = (await readNote(context, 'finished')) as { code: number; output: string } | undefined;
    if (!finished) return { yes: false, detail: `${command[0]} was not run to its end` };
    const { code, output } = finished;
    const said = output === '' ? '' : `: ${output}`;
    return { yes: code === 0 || bySignal(code), detail: `${command[0]} ended with exit code ${code}${said}` };
  },
  async recover() {},
  async verify() {
    return { yes: true, detail: 'there is nothing to undo' };
  },
});

const shorten = (text: string) =>
  text.length <= most ? text : `${text.slice(0, most)}… (${text.length - most} more characters)`;
