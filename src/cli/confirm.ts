import { createInterface } from 'node:readline/promises';
import { type CliContext, usage } from './context.ts';

/** Ask on a terminal; elsewhere the caller must have said `--yes`. */
export async function confirm(context: CliContext, question: string): Promise<boolean> {
  if (!context.stdin.isTTY) {
    throw usage(
      'this would really inject faults, and there is no terminal to ask on',
      'add --yes, or look first with `zashiki plan`',
    );
  }
  const asker = createInterface({ input: context.stdin, output: context.stderr });
  // Ctrl-D and Ctrl-C close it without an answer: that is a no.
  const closed = new Promise<string>((resolve) => asker.once('close', () => resolve('')));
  try {
    const asked = asker.question(`${question} [y/N] `).catch(() => '');
    const answer = await Promise.race([asked, closed]);
    if (answer === '') context.stderr.write('\n');
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    asker.close();
  }
}
