import type { Experiment, JsonObject, Window } from '../../core/model.ts';

/** Any process of this host; kernel threads, pid 1 and ourselves are never candidates. */
export const anyProcess: JsonObject = { command: 're2:.*', anyOwner: true };

/** One pick: SIGKILL to one process, inside the window. */
export function killOne(desc: string, window: Window, selector: JsonObject = anyProcess): Experiment {
  return {
    apiVersion: 'zashiki.dev/v1',
    kind: 'Experiment',
    metadata: { name: 'nightmare-monkey' },
    spec: {
      description: desc,
      steadyStateHypothesis: [],
      method: [
        {
          kind: 'fault',
          fault: 'process-kill',
          target: { platform: 'host', selector },
          mode: 'one',
          params: { signal: 'SIGKILL' },
          resolve: 'plan',
        },
      ],
      rollbacks: [],
      guards: { window },
      stopWhen: [],
    },
  };
}
