import { ZashikiError } from '../../core/errors.ts';
import { patternPrefix } from '../../core/pattern.ts';
import type { Action, Request } from './action.ts';
import { durationOf, type FlagSet, type FlagValue } from './flag-set.ts';
import { lifecycleAction } from './lifecycle.ts';
import type { Settings } from './settings.ts';
import { readTarget } from './targets.ts';

/**
 * `run --chaos "containers|interval|command"` of Pumba 0.1: containers are names joined by commas or a `re2:` pattern,
 * nothing means all; the command is STOP, KILL:SIGNAL, RM or PAUSE:DURATION. All run side by side.
 */
export function oldChaos(given: readonly string[], settings: Settings): readonly Request[] {
  if (given.length === 0) throw new ZashikiError('usage', '--chaos is required: "containers|interval|command"');
  return given.map((text) => {
    // A pattern may hold bars of its own: the last two parts are ours.
    const match = /^(.*)\|([^|]*)\|([^|]*)$/s.exec(text);
    if (!match) throw wrong(text, 'write "containers|interval|command"');
    const [containers = '', every = '', command = ''] = match.slice(1).map((part) => part.trim());
    const interval = every === '' ? settings.interval : durationOf(every);
    if (interval === undefined || interval < 0) throw wrong(text, `"${every}" is not an interval, like 10s`);
    const names = containers.startsWith(patternPrefix) ? [containers] : containers.split(',').filter(Boolean);
    const [name, action] = actionOf(text, command, interval);
    return { command: name, target: readTarget(names, settings), action, interval };
  });
}

function actionOf(text: string, command: string, interval: number): readonly [string, Action] {
  const [word = '', value = ''] = command.split(':');
  const make = (name: string, flags: Record<string, FlagValue>) =>
    [name, lifecycleAction({ name, flags: flagSet(flags) }, interval)] as const;
  switch (word.toUpperCase()) {
    case 'STOP':
      return make('stop', { time: 10, limit: 0, restart: false, duration: '10s' });
    case 'KILL':
      return make('kill', { signal: value || 'SIGKILL', limit: 0 });
    case 'RM':
      return make('rm', { force: true, links: false, volumes: true, limit: 0 });
    case 'PAUSE':
      return make('pause', { duration: value, limit: 0 });
    default:
      throw wrong(text, 'the command is STOP, KILL:SIGNAL, RM or PAUSE:DURATION');
  }
}

const flagSet = (values: Record<string, FlagValue>): FlagSet => ({
  values: new Map(Object.entries(values)),
  set: new Set(),
  rest: [],
  more: [],
});

const wrong = (text: string, how: string) => new ZashikiError('usage', `--chaos "${text}": ${how}`);
