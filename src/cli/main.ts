#!/usr/bin/env node
import { basename, join } from 'node:path';
import { commandList } from './commands/list.ts';

declare const __VERSION__: string;

// The bundle of all commands is loaded only when one is asked for, so that --help and --version stay fast. The path
// is joined at run time: this file is bundled alone.
const load = (path: string): Promise<{ main: (argv: readonly string[]) => Promise<number> }> => import(path);

const calledAs = basename(process.argv[1] ?? '').replace(/\.c?js$/, '');
const given = process.argv.slice(2);
const otherTools = ['nightmare-monkey', 'pumba'];
const args = otherTools.includes(calledAs) ? [calledAs, ...given] : given;

if (args.length === 1 && (args[0] === '--version' || args[0] === '-V')) {
  console.log(__VERSION__);
} else if (
  args.length === 0 ||
  (args.length === 1 && (args[0] === '--help' || args[0] === '-h' || args[0] === 'help'))
) {
  console.log(overview());
  process.exitCode = args.length === 0 ? 2 : 0;
} else {
  load(join(__dirname, 'entry.js'))
    .then(({ main }) => main(args))
    .then(
      (code) => {
        process.exitCode = code;
      },
      (error: unknown) => {
        console.error(error);
        process.exitCode = 2;
      },
    );
}

function overview(): string {
  const width = Math.max(...commandList.map(({ name }) => name.length));
  const groups = [...new Set(commandList.map(({ group }) => group))];
  const blocks = groups.map((group) => {
    const lines = commandList.filter((command) => command.group === group);
    return [`${group}:`, ...lines.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`)].join('\n');
  });
  return `zashiki ${__VERSION__}: chaos engineering that always cleans up

Usage: zashiki COMMAND [options]          zashiki COMMAND --help

${blocks.join('\n\n')}

Examples:
  zashiki init                            a first experiment, from what runs here
  zashiki plan experiment.yaml            who would be hit, and nothing else
  zashiki run experiment.yaml             the same, for real, after you say yes
  zashiki stop "pager went off"           everything in flight is undone now

Exit codes: 0 held, 1 deviated, 2 usage or invalid input, 3 recovery incomplete,
            4 skipped (not steady before), 5 refused by a guard`;
}
