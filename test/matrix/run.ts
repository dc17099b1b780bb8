import type { EventBody, EventOf, JournalEvent } from '../../src/core/events.ts';
import type { Experiment, JsonObject } from '../../src/core/model.ts';
import type { Engine } from '../../src/sdk/engine.ts';
import type { MadeTarget } from './targets.ts';

/** What the journal of one run says of its only injection. */
export interface Told {
  /** How it was done, where a fault on networks says so. */
  readonly path: string | undefined;
  readonly detail: string;
}

const experiment = (fault: string, { platform, selector }: MadeTarget, params: JsonObject): Experiment => ({
  ...{ apiVersion: 'zashiki.dev/v1', kind: 'Experiment', metadata: { name: 'matrix' } },
  spec: {
    ...{ seed: 1, steadyStateHypothesis: [], guards: {}, stopWhen: [], rollbacks: [] },
    // Without a duration it is on until it was observed.
    method: [{ kind: 'fault', fault, mode: 'one', resolve: 'plan', params, target: { platform, selector } }],
  },
});

/** How the fault would be done on the target by these parameters; null: not at all. Only reads. */
export async function foresee(engine: Engine, fault: string, on: MadeTarget, params: JsonObject) {
  const plan = await engine.plan(experiment(fault, on, params));
  const how = plan.steps[0]?.how;
  return how === undefined || how.startsWith('would be left out') ? null : how;
}

/** One whole run. Throws unless the journal says: injected, seen to be real, and, where it can be undone, gone. */
export async function runOnce(engine: Engine, fault: string, on: MadeTarget, params: JsonObject): Promise<Told> {
  const plan = await engine.plan(experiment(fault, on, params));
  const { events } = await engine.runPlan(plan, { author: 'matrix', execute: true });
  const said = () => events.map((event) => JSON.stringify(brief(event))).join('\n');
  const only = <T extends EventBody['type']>(type: T, is: (event: EventOf<T>) => boolean = () => true) => {
    const found = events.filter((event): event is EventOf<T> => event.type === type);
    const [first] = found;
    if (found.length !== 1 || !first || !is(first)) throw new Error(`not shown: ${type}\n${said()}`);
    return first;
  };
  const { undo, reversible } = only('intent', (intent) => intent.fault === fault);
  only('injected');
  const { detail } = only('observed', ({ real }) => real);
  if (reversible) {
    only('recovered', ({ how }) => how === 'undone');
    only('verified', ({ clean }) => clean);
  }
  only('run-finished', ({ outcome }) => outcome === 'held');
  const path = (undo as { readonly path?: unknown }).path;
  return { path: typeof path === 'string' ? path : undefined, detail };
}

function brief(event: JournalEvent): unknown {
  if (event.type === 'run-started') return { type: event.type, run: event.run };
  const { seq: _, at: __, mono: ___, ...rest } = event;
  return rest;
}
