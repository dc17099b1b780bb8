import type { CommandSpec } from './commands.ts';
import type { Flag } from './flag-set.ts';
import { helpCommand } from './help.ts';

/** What `--generate-bash-completion` prints: commands, or the flags that begin like the last word. */
export function completions(
  argv: readonly string[],
  flags: readonly Flag[],
  commands: readonly CommandSpec[],
  env: Readonly<Record<string, string | undefined>>,
): string {
  const command = commands.find(({ name }) => argv.includes(name));
  const sub = command?.subcommands?.find(({ name }) => argv.slice(argv.indexOf(command.name) + 1).includes(name));
  const last = argv.at(-1) ?? '';
  if (last.startsWith('-')) {
    // urfave offers the flags of the level above as well.
    const above = sub ? (command?.flags ?? []) : command && !command.subcommands ? flags : [];
    return text(flagWords(last, argv, [...above, ...((sub ?? command)?.flags ?? flags)]));
  }
  if (sub) return '';
  const listed = command ? (command.subcommands ?? []) : commands;
  const words = listed.filter(({ hidden }) => !hidden).map(({ name, usage }) => ({ name, usage }));
  const help = listed.length > 0 ? helpCommand.names.map((name) => ({ name, usage: helpCommand.usage })) : [];
  const withUsage = env._CLI_ZSH_AUTOCOMPLETE_HACK === '1';
  return text([...words, ...help].map(({ name, usage }) => (withUsage ? `${name}:${usage}` : name)));
}

const text = (words: readonly string[]) => words.map((word) => `${word}\n`).join('');

function flagWords(last: string, argv: readonly string[], flags: readonly Flag[]): readonly string[] {
  const begun = last.replace(/^--?/, '');
  const dashed = (name: string) => (name.length === 1 ? `-${name}` : `--${name}`);
  return flags
    .filter(({ hidden, names }) => !hidden && !names.some((name) => argv.includes(dashed(name))))
    .flatMap(({ names }) => names)
    .filter((name) => !(last.startsWith('--') && name.length === 1) && name.startsWith(begun) && name !== begun)
    .map(dashed);
}
