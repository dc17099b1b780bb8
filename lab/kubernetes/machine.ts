import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { endContainers, hierarchies, removeGroups } from '../docker/clean.ts';
import { kill, textOf, until } from '../docker/proc.ts';
import { searchPath } from '../vm/programs.ts';
import { LabError } from '../vm/say.ts';
import type { Place } from './place.ts';

/** A computer of the cluster: namespaces of its own for network, mounts, processes, host name and IPC. */
export interface Machine {
  readonly name: string;
  /** Its first process, as seen from here. All others end with it. */
  readonly pid: number;
  /** Folder that stays when the machine is switched off. */
  readonly disk: string;
  /** Start a program in it, which writes to a log of its own. */
  start(program: string, argv: readonly string[], env?: Readonly<Record<string, string>>): Program;
  /** Power off: nobody in it is asked. Resolves when all its processes are gone. */
  powerOff(): Promise<void>;
}

/** A program that runs in a machine. */
export interface Program {
  readonly ended: boolean;
  /** Resolves when it has ended. No signal is SIGKILL. */
  end(signal?: NodeJS.Signals): Promise<void>;
  /** Its last lines. */
  lastLines(): string;
}

/** The variable that marks the processes that the keeper starts. */
export const markOf = ({ name }: Pick<Place, 'name'>): string => `ZASHIKI_LAB_KUBERNETES_OF=${name}`;

/** Arguments that run a program in the namespaces of a machine. */
export const inside = (pid: number, ...kinds: readonly string[]): readonly string[] => [
  'nsenter',
  `--target=${pid}`,
  ...(kinds.length > 0 ? kinds : ['net', 'mount', 'pid', 'uts', 'ipc']).map((kind) => `--${kind}`),
  '--',
];

/** Switch on a machine. It ends when this process ends, however that ends. */
export async function powerOn(place: Place, name: string): Promise<Machine> {
  const disk = join(place.machines, name);
  mkdirSync(disk, { recursive: true });
  mkdirSync(place.logs, { recursive: true });
  const env = environment(place);
  const kinds = ['--net', '--mount', '--propagation=private', '--pid', '--uts', '--ipc', '--fork', '--kill-child=KILL'];
  const log = openSync(join(place.logs, `${name}.log`), 'a');
  const child = spawn(
    'setpriv',
    [
      '--pdeathsig=KILL',
      '--',
      'unshare',
      ...kinds,
      '--',
      '/bin/sh',
      join(import.meta.dirname, 'machine-init'),
      name,
      disk,
    ],
    { cwd: '/', env, stdio: ['ignore', 'pipe', log] },
  );
  closeSync(log);
  const gone = once(child, 'close');
  const said = await Promise.race([once(child.stdout ?? child, 'data'), gone, once(child, 'error')]);
  const pid = childOf(child.pid ?? 0);
  if (!String(said[0]).startsWith('ready') || pid === undefined) {
    child.kill('SIGKILL');
    const why = textOf(join(place.logs, `${name}.log`)).slice(-1000) || String(said[0]);
    throw new LabError(`the machine ${name} did not start:\n${why}`, 'it needs root and namespaces');
  }
  return {
    name,
    pid,
    disk,
    start: (program, argv, more) => startIn(place, name, pid, program, argv, { ...env, ...more }),
    async powerOff() {
      const group = { cgroup: `${place.cgroup}/${name}` };
      endContainers(group);
      kill(pid);
      child.kill('SIGKILL');
      await gone;
      if (!(await until(() => textOf(`/proc/${pid}/stat`) === '', 30_000)))
        throw new Error(`machine ${name} does not end: process ${pid} is still there`);
      for (const root of hierarchies()) removeGroups(join(root, group.cgroup));
    },
  };
}

function startIn(
  place: Place,
  machine: string,
  pid: number,
  program: string,
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
): Program {
  const file = join(place.logs, `${machine}-${program}.log`);
  const from = textOf(file).length;
  const log = openSync(file, 'a');
  const hold = ['--pdeathsig=KILL', '--'];
  const child = spawn('setpriv', [...hold, ...inside(pid), 'setpriv', ...hold, ...argv], {
    cwd: '/',
    env,
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()).once('error', () => resolve()));
  const ended = () => child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
  return {
    get ended() {
      return ended();
    },
    async end(signal = 'SIGKILL') {
      if (!ended()) signalIn(child, signal);
      await gone;
    },
    lastLines: () => textOf(file).slice(from).slice(-3000),
  };
}

/** A program in another PID namespace has a helper in front of it that passes no signals on. */
function signalIn(child: ChildProcess, signal: NodeJS.Signals): void {
  const real = child.pid === undefined ? undefined : childOf(child.pid);
  if (real !== undefined) kill(real, signal);
  else child.kill(signal);
}

/** The (first) child of a process. */
function childOf(parent: number): number | undefined {
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const stat = textOf(`/proc/${name}/stat`);
    if (stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1] === String(parent)) return Number(name);
  }
  return undefined;
}

function environment(place: Place): Readonly<Record<string, string>> {
  const [mark = '', name = ''] = markOf(place).split('=');
  return { PATH: searchPath, HOME: '/root', [mark]: name };
}
