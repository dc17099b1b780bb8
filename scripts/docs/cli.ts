import { PassThrough } from 'node:stream';
import { commandList } from '../../src/cli/commands/list.ts';
import { loadCommand } from '../../src/cli/loaders.ts';
import { block, code, generated, page, table } from './markdown.ts';

/** docs/reference/cli.md: every command with the very text of its --help. */
export async function cliPage(): Promise<string> {
  const sections = await Promise.all(
    commandList.map(async ({ name }) => page(`## zashiki ${name}`, block(await help(name))).trimEnd()),
  );
  const groups = [...new Set(commandList.map(({ group }) => group))];
  return page(
    generated('src/cli/commands'),
    '# Command line',
    table(
      ['Command', 'What it does'],
      groups.flatMap((group) => [
        [`**${group}**`, ''],
        ...commandList
          .filter((command) => command.group === group)
          .map(({ name, summary }) => [`[${code(`zashiki ${name}`)}](#zashiki-${name})`, summary]),
      ]),
    ),
    'Exit codes are listed in [errors](errors.md#exit-codes).',
    ...sections,
  );
}

/** What `zashiki NAME --help` prints, at a fixed width. */
async function help(name: string): Promise<string> {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const context = { stdin, stdout, stderr, env: {}, cwd: '/', version: '0.0.0' } as never;
  const command = await loadCommand(name, context);
  if (!command) throw new Error(`no command ${name}`);
  let text = '';
  const collect = (part: string) => {
    text += part;
  };
  command.configureOutput({
    writeOut: collect,
    writeErr: collect,
    getOutHelpWidth: () => 100,
    getOutHasColors: () => false,
  });
  command.name(`zashiki ${name}`).outputHelp();
  return text;
}
