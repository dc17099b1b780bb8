import { errorTable } from '../../src/core/errors.ts';
import { exitCodes } from '../../src/core/model.ts';
import { code, generated, page, table } from './markdown.ts';

const meanings: Readonly<Record<keyof typeof exitCodes, string>> = {
  held: 'The hypothesis held, or none was given.',
  deviated: 'The hypothesis did not hold.',
  usage: 'The command line or a file is wrong; nothing was done.',
  'rollback-incomplete': 'A fault may still be on. This code wins over all others: run `zashiki recover`.',
  skipped: 'Not steady before, or nothing to hit; nothing was done.',
  refused: 'A guard refused; nothing was done.',
};

/** docs/reference/errors.md: every error code and every exit code. */
export function errorsPage(): string {
  return page(
    generated('src/core/errors.ts'),
    '# Errors and exit codes',
    'Every error has a code, a message that says what was wrong and where, and mostly a hint. With `--json` they are fields of an object.',
    '## Exit codes',
    table(
      ['Exit', 'Verdict', 'Meaning'],
      Object.entries(exitCodes)
        .sort(([, a], [, b]) => a - b)
        .map(([name, exit]) => [String(exit), code(name), meanings[name as keyof typeof exitCodes]]),
    ),
    '## Error codes',
    table(
      ['Code', 'Meaning', 'Exit'],
      Object.entries(errorTable)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, { meaning, exit }]) => [code(name), meaning, String(exit)]),
    ),
  );
}
