import { faults } from '../../faults/index.ts';
import { probes } from '../../probes/index.ts';
import { reportFormats } from '../../report/index.ts';
import { act, type DefineCommand } from '../command.ts';
import { type CliContext, say, usage } from '../context.ts';
import { type CommandWords, scripts } from '../output/completion.ts';
import { commandList } from './list.ts';

/** `zashiki completion SHELL`: prints a script made from the commands' own definitions. */
const define: DefineCommand = (command, context) => {
  command
    .summary('print the completion script of bash, zsh or fish')
    .description('Print a completion script for your shell.')
    .argument('<shell>', Object.keys(scripts).join(', '))
    .addHelpText(
      'after',
      `
Examples:
  zashiki completion bash > /etc/bash_completion.d/zashiki
  zashiki completion zsh  > "\${fpath[1]}/_zashiki"
  zashiki completion fish > ~/.config/fish/completions/zashiki.fish`,
    );
  act(command, async ([shell = '']) => {
    const script = scripts[shell] ?? unknownShell(shell);
    say(context, script(await commandWords(context)));
    return 0;
  });
};
export default define;

function unknownShell(shell: string): never {
  throw usage(`no completion for "${shell}"`, `there is one for ${Object.keys(scripts).join(', ')}`);
}

const faultIds = faults.map(({ id }) => id);

/** Words that a flag takes. */
const valuesOf: Readonly<Record<string, readonly string[]>> = {
  '--fault': faultIds,
  '--mode': ['one', 'all', 'fixed', 'fixed-percent', 'random-max-percent'],
  '--format': reportFormats,
  '--output': ['text', 'json'],
};

/** Words that a command takes first. */
const firstOf: Readonly<Record<string, readonly string[]>> = {
  faults: faultIds,
  probes: probes.map(({ id }) => id),
  runs: ['list', 'show'],
  completion: Object.keys(scripts),
};

async function commandWords(context: CliContext): Promise<readonly CommandWords[]> {
  return Promise.all(
    commandList.map(async ({ name, summary }) => {
      const options = (await context.definition(name))?.options ?? [];
      const flags = options.map(({ long, description }) => {
        const values = long ? valuesOf[long] : undefined;
        return { flag: long ?? '', about: description, ...(values ? { values } : {}) };
      });
      const values = firstOf[name];
      return {
        name,
        summary,
        ...(values ? { values } : {}),
        flags: [...flags, { flag: '--help', about: 'show help' }].filter(({ flag }) => flag),
      };
    }),
  );
}
