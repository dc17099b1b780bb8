/** What `npm run lab:vm -- …` is asked to do. */
export type Command =
  | { readonly do: 'run'; readonly argv: readonly string[]; readonly options: Options }
  | { readonly do: 'shell'; readonly options: Options }
  | { readonly do: 'build' }
  | { readonly do: 'status' }
  | { readonly do: 'clean' }
  | { readonly do: 'help' };

/** How a command runs in the guest. */
export interface Options {
  /** Take the checkout with us, at /checkout. Default yes. */
  readonly checkout: boolean;
  /** What is brought out of the guest afterwards, and the folder here that it goes to. */
  readonly out: readonly { readonly from: string; readonly to: string }[];
  /** Variables for the command. */
  readonly env: Readonly<Record<string, string>>;
  /** End it after so many seconds; none: never. */
  readonly timeoutS?: number;
  /** Show the console of the guest. */
  readonly verbose: boolean;
}

/** The text of `--help`. */
export const help = `Runs a command in a throw-away Debian machine with a whole kernel, systemd, Docker and cgroup v2.

Usage: npm run lab:vm -- [options] COMMAND [ARGUMENTS]
       npm run lab:vm -- --shell | --build | --status | --clean | --help

Options:
  --out FROM[:TO]   bring a file or folder of the guest out into the folder TO (default: lab-results); repeatable
  --env NAME=VALUE  a variable for the command; repeatable
  --timeout SECONDS end it after this time
  --bare            without the checkout, which otherwise is in /checkout, where the command starts
  --verbose         show the console of the guest

Examples:
  npm run lab:vm -- uname -r
  npm run lab:vm -- tc qdisc add dev lo root netem delay 100ms
  npm run lab:vm -- --out /var/log:logs sh -c 'journalctl >/var/log/all.txt'

The exit code is that of the command; 125: the lab itself failed, 124: it took too long.
`;

/** A mistake on the command line. */
export class UsageError extends Error {}

/** Read the command line. Options end at the first word that is none, or at `--`. Throws `UsageError`. */
export function parseCommandLine(args: readonly string[]): Command {
  let options: Options = { checkout: true, out: [], env: {}, verbose: false };
  let special: 'shell' | 'build' | 'status' | 'clean' | 'help' | undefined;
  const left = [...args];
  const take = (option: string): string => {
    const value = left.shift();
    if (value === undefined) throw new UsageError(`${option} needs a value`);
    return value;
  };
  while (left[0]?.startsWith('-')) {
    const option = left.shift() ?? '';
    if (option === '--') break;
    if (option === '--out') options = { ...options, out: [...options.out, way(take(option))] };
    else if (option === '--env') options = { ...options, env: { ...options.env, ...variable(take(option)) } };
    else if (option === '--timeout') options = { ...options, timeoutS: seconds(take(option)) };
    else if (option === '--bare') options = { ...options, checkout: false };
    else if (option === '--verbose') options = { ...options, verbose: true };
    else if (option === '-h' || option === '--help') special = 'help';
    else if (option === '--shell' || option === '--build' || option === '--status' || option === '--clean') {
      if (special) throw new UsageError(`--${special} and ${option} at once`);
      special = option.slice(2) as 'shell';
    } else throw new UsageError(`no option ${option}`);
  }
  if (special === 'help') return { do: 'help' };
  if (special) {
    if (left.length > 0) throw new UsageError(`--${special} takes no command, there is ${left[0]}`);
    return special === 'shell' ? { do: 'shell', options } : { do: special };
  }
  if (left.length === 0) throw new UsageError('no command');
  return { do: 'run', argv: left, options };
}

function way(value: string): { from: string; to: string } {
  const [, from = '', to = 'lab-results'] = /^(\/[^:]*)(?::(.+))?$/.exec(value) ?? [];
  if (from === '') throw new UsageError(`--out needs an absolute path of the guest, not ${value}`);
  return { from, to };
}

function variable(value: string): Record<string, string> {
  const [, name = '', text = ''] = /^([A-Za-z_][A-Za-z0-9_]*)=(.*)$/s.exec(value) ?? [];
  if (name === '') throw new UsageError(`--env needs NAME=VALUE, not ${value}`);
  return { [name]: text };
}

function seconds(value: string): number {
  const number = Number(value);
  if (!(number > 0 && number <= 86_400)) throw new UsageError(`--timeout needs seconds, not ${value}`);
  return number;
}
