import type { Experiment, Mode } from '../../core/model.ts';
import type { Request } from './action.ts';
import type { Settings } from './settings.ts';
import { selectorOf } from './targets.ts';

/** One command of Pumba as an experiment; null when it can match nothing. */
export function toExperiment({ command, target, action }: Request, settings: Settings): Experiment | null {
  if (target.which === 'nothing') return null;
  const { mode, value } = modeOf(action.limit, settings.random);
  return {
    apiVersion: 'zashiki.dev/v1',
    kind: 'Experiment',
    metadata: { name: `pumba-${command}` },
    spec: {
      steadyStateHypothesis: [],
      method: [
        {
          kind: 'fault',
          fault: action.fault,
          target: { platform: 'docker', selector: selectorOf(target, settings.engine, action) },
          mode,
          ...(value === undefined ? {} : { value }),
          params: action.params,
          ...(action.duration === undefined ? {} : { duration: action.duration }),
          // Chosen when it begins: a container that vanishes after the plan is no reason to give up.
          resolve: 'step',
        },
      ],
      rollbacks: [],
      guards: {},
      stopWhen: [],
    },
  };
}

function modeOf(limit: number, random: boolean): { readonly mode: Mode; readonly value?: number } {
  if (random) return { mode: 'one' };
  return limit > 0 ? { mode: 'fixed', value: limit } : { mode: 'all' };
}
