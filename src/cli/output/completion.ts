/** One command as a completion script needs it. */
export interface CommandWords {
  readonly name: string;
  readonly summary: string;
  readonly flags: readonly { readonly flag: string; readonly about: string; readonly values?: readonly string[] }[];
  /** What may follow the command itself; absent: files. */
  readonly values?: readonly string[];
}

/** Script makers by shell. */
export const scripts: Readonly<Record<string, (commands: readonly CommandWords[]) => string>> = { bash, zsh, fish };

function bash(commands: readonly CommandWords[]): string {
  const cases = commands.map(({ name, flags, values = [] }) => {
    return `    ${name}) words="${flags.map(({ flag }) => flag).join(' ')}"; values="${values.join(' ')}" ;;`;
  });
  const after = commands.flatMap(({ name, flags }) =>
    flags.flatMap(({ flag, values }) =>
      values
        ? [`    ${[flag, ...shortOf(flag)].map((one) => `${name}:${one}`).join('|')}) choices="${values.join(' ')}" ;;`]
        : [],
    ),
  );
  return `# bash completion for zashiki
_zashiki() {
  local current="\${COMP_WORDS[COMP_CWORD]}" words="" values="" choices=""
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${commands.map(({ name }) => name).join(' ')} --help --version" -- "$current"))
    return
  fi
  case "\${COMP_WORDS[1]}" in
${cases.join('\n')}
  esac
  case "\${COMP_WORDS[1]}:\${COMP_WORDS[COMP_CWORD-1]}" in
${after.join('\n')}
  esac
  if [ -n "$choices" ]; then
    COMPREPLY=($(compgen -W "$choices" -- "$current"))
    return
  fi
  case "$current" in
    -*) COMPREPLY=($(compgen -W "$words" -- "$current")) ;;
    *) if [ -n "$values" ] && [ "$COMP_CWORD" -eq 2 ]; then
        COMPREPLY=($(compgen -W "$values" -- "$current"))
      else
        COMPREPLY=($(compgen -f -- "$current"))
      fi ;;
  esac
}
complete -o filenames -F _zashiki zashiki`;
}

function zsh(commands: readonly CommandWords[]): string {
  const quote = (text: string) => text.replace(/'/g, "'\\''").replace(/([:[\]])/g, '\\$1');
  const names = commands.map(({ name, summary }) => `    '${name}:${quote(summary)}'`);
  const cases = commands.map(({ name, flags, values }) => {
    const words = flags.flatMap(({ flag, about, values: choices }) =>
      [flag, ...(choices ? shortOf(flag) : [])].map(
        (one) => `'${one}[${quote(about)}]${choices ? `:value:(${choices.join(' ')})` : ''}'`,
      ),
    );
    const first = values ? `'1:what:(${values.join(' ')})' ` : '';
    return `    ${name}) _arguments ${words.join(' ')} ${first}'*:file:_files' ;;`;
  });
  return `#compdef zashiki
_zashiki() {
  local -a commands=(
${names.join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe 'command' commands
    return
  fi
  local name="$words[2]"
  shift words
  (( CURRENT-- ))
  case "$name" in
${cases.join('\n')}
  esac
}
_zashiki "$@"`;
}

function fish(commands: readonly CommandWords[]): string {
  const quote = (text: string) => `'${text.replace(/\\/g, '\\\\').replace(/'/g, "\\'")}'`;
  const lines = commands.flatMap(({ name, summary, flags, values }) => [
    `complete -c zashiki -n __fish_use_subcommand -f -a ${name} -d ${quote(summary)}`,
    ...(values
      ? [`complete -c zashiki -n '__fish_seen_subcommand_from ${name}' -f -a ${quote(values.join(' '))}`]
      : []),
    ...flags.map(({ flag, about, values: choices }) => {
      const short = choices ? shortOf(flag).map((one) => ` -s ${one.slice(1)}`) : [];
      const words = choices ? ` -x -a ${quote(choices.join(' '))}` : '';
      return `complete -c zashiki -n '__fish_seen_subcommand_from ${name}' -l ${flag.replace(/^--/, '')}${short.join('')}${words} -d ${quote(about)}`;
    }),
  ]);
  return ['# fish completion for zashiki', ...lines].join('\n');
}

/** The short form of a flag that takes one of a few words. */
const shortOf = (flag: string): readonly string[] => (flag === '--output' ? ['-o'] : []);
