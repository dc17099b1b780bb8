import { constants } from 'node:os';
import { ZashikiError } from '../../core/errors.ts';
import type { Milliseconds } from '../../core/model.ts';
import { type Action, named, type Told } from './action.ts';
import type { Given } from './command-line.ts';
import { durationOf, type FlagSet } from './flag-set.ts';
import { splitWords } from './words.ts';

/** Commands on containers as a whole, and `stress`. Throws `usage` in Pumba's words. */
export function lifecycleAction({ name, flags }: Given, interval: Milliseconds): Action {
  const make = actions[name];
  if (!make) throw new ZashikiError('internal', `no action for the command ${name}`);
  return make(reader(flags), interval);
}

interface Reader {
  text(name: string): string;
  count(name: string): number;
  on(name: string): boolean;
  list(name: string): readonly string[];
  /** Of a flag that takes any text: garbage is no duration, and is said so. */
  duration(name: string): Milliseconds;
  given(name: string): boolean;
}

const reader = ({ values, set }: FlagSet): Reader => ({
  text: (name) => String(values.get(name)),
  count: (name) => Number(values.get(name)),
  on: (name) => values.get(name) === true,
  list: (name) => values.get(name) as readonly string[],
  duration(name) {
    const ms = durationOf(String(values.get(name))) ?? 0;
    if (ms > 0) return ms;
    throw new ZashikiError('usage', 'unset or invalid duration value');
  },
  given: (name) => set.has(name),
});

type Make = (flags: Reader, interval: Milliseconds) => Action;

const told = (message: string, more: Omit<ReturnType<Told['fields']>, 'name' | 'id'> = {}): Told => ({
  message,
  fields: (target) => ({ ...named(target), ...more }),
});

const limitOf = (flags: Reader) => (flags.given('number') ? flags.count('number') : flags.count('limit'));

/** A span as a fault's parameter. */
const ms = (value: Milliseconds) => `${Math.max(0, Math.round(value))}ms`;

const actions: Readonly<Record<string, Make>> = {
  kill(flags) {
    const signal = readSignal(flags.text('signal') || 'SIGKILL');
    return {
      fault: 'container-kill',
      params: { signal },
      limit: limitOf(flags),
      begins: told('killing container', { signal }),
      failed: 'failed to kill ctr: failed to kill container',
    };
  },

  stop(flags) {
    const time = flags.count('time') > 0 ? flags.count('time') : 5;
    const duration = flags.duration('duration');
    const stays = {
      params: { grace: `${time}s` },
      limit: limitOf(flags),
      begins: told('stopping container', { timout: time, signal: 'SIGTERM' }),
      failed: 'failed to stop container',
    };
    if (!flags.on('restart')) return { fault: 'container-stop', ...stays };
    return { fault: 'container-restart', duration, ...stays, ends: told('starting container') };
  },

  start(flags) {
    return {
      fault: 'container-start',
      params: {},
      state: 'stopped',
      limit: limitOf(flags),
      begins: told('starting container'),
      failed: 'failed to start container',
    };
  },

  restart(flags) {
    const timeout = flags.given('s') ? flags.count('s') : flags.count('timeout');
    return {
      fault: 'container-restart',
      params: { grace: ms(timeout) },
      limit: limitOf(flags),
      begins: told('restart container', { timeout: { span: timeout } }),
      failed: 'failed to restart container',
    };
  },

  pause(flags) {
    return {
      fault: 'container-pause',
      params: {},
      duration: flags.duration('duration'),
      limit: limitOf(flags),
      begins: told('pausing container'),
      ends: told('stop pausing container'),
      failed: 'failed to pause container',
    };
  },

  rm(flags) {
    const [force, links, volumes] = [flags.on('force'), flags.on('links'), flags.on('volumes')];
    return {
      fault: 'container-remove',
      params: { force, volumes, links },
      state: 'all',
      limit: limitOf(flags),
      begins: told('removing container', { force, links, volumes }),
      failed: 'failed to remove container',
    };
  },

  exec(flags) {
    const [command, args] = [flags.text('command'), flags.list('args')];
    const argv = args.length > 0 ? [command, ...args] : splitWords(command);
    if (argv.length === 0 || argv[0] === '') throw new ZashikiError('usage', '--command is empty');
    return {
      fault: 'container-exec',
      // As long as a run allows; Pumba waits for ever.
      params: { command: argv, user: 'root', timeout: '9m' },
      limit: limitOf(flags),
      begins: told('exec container', { command }),
      says: told('', { command, args }),
      failed: `exec failed ${command}`,
    };
  },

  stress(flags, interval) {
    const duration = flags.duration('duration');
    if (interval !== 0 && duration >= interval)
      throw new ZashikiError('usage', 'duration must be shorter than interval');
    const stressors = splitWords(flags.text('stressors'));
    return {
      fault: 'stress',
      params: { arguments: stressors },
      duration,
      limit: limitOf(flags),
      begins: told('stress testing container', {
        stressors,
        img: flags.text('stress-image'),
        pull: flags.on('pull-image'),
        duration: { span: duration },
        'inject-cgroup': flags.on('inject-cgroup'),
      }),
      failed: 'stress test failed',
    };
  },
};

/** `SIGTERM`, and unlike Pumba also `TERM`, `term`, `15`, SIGRTMIN+3 and the names that its table lacks. */
export function readSignal(text: string): string {
  const name = /^\d+$/.test(text) ? text : `SIG${text.toUpperCase().replace(/^SIG/, '')}`;
  const real = /^SIGRTM(IN(\+\d{1,2})?|AX(-\d{1,2})?)$/.test(name);
  const number = Number(name);
  if (Object.hasOwn(constants.signals, name) || real || (number >= 1 && number <= 64)) return name;
  throw new ZashikiError('usage', `undefined Linux signal: ${text}`);
}
