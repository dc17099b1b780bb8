import type { Flag } from './flag-set.ts';
import { combineFlags, iptablesFlags, lossRuleFlags, netemEffects, netemFlags } from './netem-flags.ts';

/** One command of the tree, as urfave/cli shows it. */
export interface CommandSpec {
  readonly name: string;
  readonly usage: string;
  readonly description: string;
  readonly argsUsage: string;
  readonly flags: readonly Flag[];
  /** Refuses to run without a target or a label. */
  readonly needsTarget?: true;
  readonly subcommands?: readonly CommandSpec[];
  /** Of older versions: works, and is not listed. */
  readonly hidden?: true;
}

export const targetsUsage = 'containers (a name, several names, or one RE2 pattern behind "re2:")';

const limit: Flag = {
  names: ['limit', 'l'],
  kind: 'int',
  usage: 'hit at most so many of the matching containers (0: all of them)',
};
const number: Flag = { names: ['number', 'n'], kind: 'int', usage: 'older name of --limit', hidden: true };
const required = 'needs a unit: ms, s, m or h';

const command = (spec: Omit<CommandSpec, 'argsUsage'> & { readonly argsUsage?: string }): CommandSpec => ({
  argsUsage: targetsUsage,
  ...spec,
});

const kill = command({
  name: 'kill',
  usage: 'kill containers',
  description: 'send a signal to the main process of the containers',
  needsTarget: true,
  flags: [
    { names: ['signal', 's'], kind: 'text', default: 'SIGKILL', usage: 'the signal: SIGTERM, TERM or 15' },
    limit,
    number,
  ],
});

const exec = command({
  name: 'exec',
  usage: 'run a program in containers',
  description: 'run a program as root inside the containers and log what it says',
  flags: [
    {
      names: ['command', 's'],
      kind: 'text',
      default: 'kill 1',
      usage: 'the program; split at blanks when there are no --args',
    },
    { names: ['args', 'a'], kind: 'list', usage: 'one argument of the program (repeatable)' },
    limit,
  ],
});

const restart = command({
  name: 'restart',
  usage: 'restart containers',
  description: 'stop and start the containers again',
  flags: [
    {
      names: ['timeout', 't'],
      kind: 'duration',
      default: 1000,
      usage: `grace between the stop signal and SIGKILL; ${required}`,
    },
    { names: ['s'], kind: 'duration', usage: 'older name of --timeout', hidden: true },
    limit,
  ],
});

const stop = command({
  name: 'stop',
  usage: 'stop containers',
  description: 'send the stop signal to the main process of the containers, and SIGKILL after a grace',
  needsTarget: true,
  flags: [
    { names: ['time', 't'], kind: 'int', default: 5, usage: 'seconds of grace before SIGKILL' },
    limit,
    number,
    { names: ['restart', 'r'], kind: 'bool', usage: 'start them again after --duration' },
    {
      names: ['duration', 'd'],
      kind: 'text',
      default: '10s',
      usage: `how long they stay down, with --restart; ${required}`,
    },
  ],
});

const start = command({
  name: 'start',
  usage: 'start containers that do not run',
  description: 'start containers that have ended, or were never started',
  needsTarget: true,
  hidden: true,
  flags: [limit],
});

const pause = command({
  name: 'pause',
  usage: 'pause all processes of containers',
  description: 'freeze the containers, and let them go on after --duration',
  flags: [{ names: ['duration', 'd'], kind: 'text', usage: `how long (required); ${required}` }, limit],
});

const remove = command({
  name: 'rm',
  usage: 'remove containers',
  description: 'remove the containers, also those that run, with their anonymous volumes',
  needsTarget: true,
  flags: [
    { names: ['force', 'f'], kind: 'on', usage: 'also those that run, by SIGKILL' },
    { names: ['links', 'n'], kind: 'bool', usage: 'remove the link of this name, not the container' },
    { names: ['volumes', 'v'], kind: 'on', usage: 'their anonymous volumes too' },
    limit,
  ],
});

const stress = command({
  name: 'stress',
  usage: 'load CPU, memory, disk of containers with stress-ng',
  description: 'run stress-ng in the cgroup of the containers',
  flags: [
    { names: ['duration', 'd'], kind: 'text', usage: `how long (required); ${required}` },
    {
      names: ['stress-image'],
      kind: 'text',
      default: 'ghcr.io/alexei-led/stress-ng:latest',
      usage: "read and not needed: stress-ng or our own workers run on the engine's machine",
    },
    { names: ['pull-image'], kind: 'on', usage: 'read and not needed: nothing is pulled' },
    {
      names: ['stressors'],
      kind: 'text',
      default: '--cpu 4 --timeout 60s',
      usage: 'arguments of stress-ng; quotes group words',
    },
    {
      names: ['inject-cgroup'],
      kind: 'bool',
      usage: 'read and not needed: the load always runs in the very cgroup of the container',
    },
    limit,
  ],
});

const netem = command({
  name: 'netem',
  usage: 'delay, lose, duplicate, corrupt, or slow down what containers send',
  description: 'bad weather on the network of containers',
  flags: netemFlags,
  subcommands: [
    ...netemEffects.map((effect) => command(effect)),
    command({
      name: 'combine',
      usage: 'several effects at once',
      description:
        'switch effects on with --delay, --loss, --corrupt, --duplicate and --rate; containers come after --',
      argsUsage: `-- ${targetsUsage}`,
      flags: combineFlags,
    }),
  ],
});

const iptables = command({
  name: 'iptables',
  usage: 'filter what containers receive',
  description: 'lose incoming packets; each address and port is a rule of its own',
  flags: iptablesFlags,
  subcommands: [
    command({
      name: 'loss',
      usage: 'lose incoming packets',
      description: 'lose incoming packets at random, or every n-th',
      flags: lossRuleFlags,
    }),
  ],
});

const run = command({
  name: 'run',
  usage: 'several commands at once, as Pumba 0.1 wrote them',
  description: 'run what --chaos says',
  hidden: true,
  flags: [
    { names: ['chaos', 'c'], kind: 'list', usage: 'containers|interval|command, e.g. "re2:^web|10s|KILL:SIGTERM"' },
  ],
});

/** Pumba's commands in the order of its help. */
export const commands: readonly CommandSpec[] = [
  kill,
  exec,
  restart,
  stop,
  pause,
  remove,
  stress,
  netem,
  iptables,
  start,
  run,
];
