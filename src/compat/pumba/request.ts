import { ZashikiError } from '../../core/errors.ts';
import type { Action, Request } from './action.ts';
import type { Line } from './command-line.ts';
import { lifecycleAction } from './lifecycle.ts';
import { iptablesAction, netemAction } from './network.ts';
import { oldChaos } from './old-chaos.ts';
import type { Settings } from './settings.ts';
import { readTarget } from './targets.ts';

/**
 * A command line as what it asks for. Throws `usage` in Pumba's words, and `document-invalid` for a pattern that is not
 * RE2.
 */
export function readRequests(line: Line, settings: Settings): readonly Request[] {
  const [{ name, flags }] = line.commands;
  if (name === 'run') return oldChaos(flags.values.get('chaos') as readonly string[], settings);
  if (line.needsTarget && line.targets.length === 0 && settings.labels.length === 0) {
    throw new ZashikiError('usage', 'container name, list of names, or RE2 regex is required');
  }
  const { interval } = settings;
  const target = readTarget(line.targets, settings);
  const action = actionOf(line, settings);
  return [{ command: name, target, action, interval }];
}

function actionOf(line: Line, settings: Settings): Action {
  const { interval } = settings;
  if (line.parent?.name === 'netem') return netemAction(line.parent.flags, line.commands, settings);
  if (line.parent?.name === 'iptables') return iptablesAction(line.parent.flags, line.commands[0].flags, interval);
  return lifecycleAction(line.commands[0], interval);
}
