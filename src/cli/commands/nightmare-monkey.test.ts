import { Command } from 'commander';
import { expect, test } from 'vitest';
import { flags } from '../../compat/nightmare-monkey/flags.ts';
import type { CliContext } from '../context.ts';
import define from './nightmare-monkey.ts';

test('completion knows every flag that the monkey reads', () => {
  const command = new Command('nightmare-monkey');
  define(command, {} as CliContext);
  const known = command.options.map(({ long }) => long);
  expect(known).toEqual(expect.arrayContaining(flags.map(({ names }) => `--${names[0]}`)));
  expect(known).toContain('--counter-url');
});
