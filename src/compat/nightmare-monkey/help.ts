import { flags, standardFlags } from './flags.ts';
import { dashed, type GoFlag } from './go-flags.ts';

export const appName = 'Nightmare Monkey';

/** What `--version` prints after the name: the version whose command line this is, to the byte. */
export const versionText = '0.0.1 (rev:73977f3)';

/** The help page, in the layout of urfave/cli 1.20. */
export function helpText(program: string): string {
  const rows = [...flags, ...standardFlags].map((flag) => [forms(flag), described(flag)] as const);
  const width = Math.max(...rows.map(([left]) => left.length));
  const options = rows.map(([left, right]) => `   ${left.padEnd(width)}  ${right}`);
  return [
    'NAME:',
    `   ${appName} - kills a process at random now and then, to see who notices.`,
    '',
    'USAGE:',
    `   ${program} [global options] command [command options] [arguments...]`,
    '',
    'VERSION:',
    `   ${versionText}`,
    '',
    'COMMANDS:',
    '     help, h  Shows a list of commands or help for one command',
    '',
    'GLOBAL OPTIONS:',
    ...options,
    '',
  ].join('\n');
}

/** What `help help` prints. */
export const helpOfHelp = (program: string) =>
  [
    'NAME:',
    `   ${program} help - Shows a list of commands or help for one command`,
    '',
    'USAGE:',
    `   ${program} help [command]`,
    '',
  ].join('\n');

const forms = (flag: GoFlag) =>
  flag.names.map((name) => (flag.kind === 'bool' ? dashed(name) : `${dashed(name)} value`)).join(', ');

function described(flag: GoFlag): string {
  if (flag.default === undefined) return flag.usage;
  const shown = typeof flag.default === 'string' ? `"${flag.default}"` : flag.default;
  return `${flag.usage} (default: ${shown})`;
}
