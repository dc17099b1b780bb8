import { z } from 'zod';
import type { Experiment, ExperimentSpec, FaultStep, Target } from './model.ts';
import type { Catalogue, FaultPort, Reading, SharedState } from './ports.ts';

/** A small world in memory for the tests of the engine: targets with a switch that a fault turns off. */

export const target = (n: number, more: Partial<Target> = {}): Target => ({
  platform: 'toy',
  id: `toy:${n}`,
  name: `toy-${n}`,
  identity: { n },
  labels: {},
  ...more,
});

export const faultStep = (more: Partial<FaultStep> = {}): FaultStep => ({
  kind: 'fault',
  fault: 'switch-off',
  target: { platform: 'toy', selector: {} },
  mode: 'one',
  params: {},
  resolve: 'plan',
  ...more,
});

export const experiment = (spec: Partial<ExperimentSpec> = {}, name = 'toy'): Experiment => ({
  apiVersion: 'zashiki.dev/v1',
  kind: 'Experiment',
  metadata: { name },
  spec: {
    seed: 1,
    steadyStateHypothesis: [],
    method: [faultStep()],
    rollbacks: [],
    guards: {},
    stopWhen: [],
    ...spec,
  },
});

export interface ToyWorld {
  readonly catalogue: Catalogue;
  targets: Target[];
  /** Ids of targets that are switched off. */
  readonly off: Set<string>;
  /** What happened, e.g. `inject toy:1`. */
  readonly log: string[];
  /** Calls that fail, by the same text. */
  readonly broken: Set<string>;
  /** What the probe `toy` reads; default: how many targets are on. */
  read: () => Reading;
}

export function toyWorld(count = 3): ToyWorld {
  const world: ToyWorld = {
    targets: Array.from({ length: count }, (_, index) => target(index + 1)),
    off: new Set(),
    log: [],
    broken: new Set(),
    read: () => ({ value: world.targets.length - world.off.size }),
    catalogue: {
      fault: () => switchOff,
      platform: async () => ({
        id: 'toy',
        selector: z.unknown(),
        discover: async () => world.targets,
        offers: () => ['switch'],
        check: async ({ id }) => (world.targets.some((one) => one.id === id) ? 'same' : 'gone'),
        spare: async () => null,
        attach: async ({ id }) => ({ id }),
      }),
      probe: () => ({
        id: 'toy',
        params: z.unknown(),
        tolerance: z.unknown(),
        read: async () => world.read(),
        judge: (reading, least: number) =>
          Number(reading.value) >= least ? null : `${reading.value} are on, ${least} wanted`,
      }),
      rollback: async (id, params) => {
        act(`rollback ${params.name}`);
        return `${id} done`;
      },
    },
  };
  const act = (what: string) => {
    world.log.push(what);
    if (world.broken.has(what)) throw new Error(`${what} is broken`);
  };
  const idOf = (on: object) => (on as { id: string }).id;
  const switchOff: FaultPort = {
    id: 'switch-off',
    summary: 'Turn the switch off.',
    needs: ['switch'],
    params: z.unknown(),
    reversible: true,
    undoneBy: 'turning it on',
    async plan(on) {
      act(`plan ${idOf(on)}`);
      return { wasOff: world.off.has(idOf(on)) };
    },
    async inject(on) {
      act(`inject ${idOf(on)}`);
      world.off.add(idOf(on));
    },
    observe: async (on) => ({ yes: world.off.has(idOf(on)), detail: 'off' }),
    async recover(on) {
      act(`recover ${idOf(on)}`);
      world.off.delete(idOf(on));
    },
    verify: async (on) => ({ yes: !world.off.has(idOf(on)), detail: 'on' }),
  };
  return world;
}

/** Shared state of one lonely engine. */
export const lonely = (more: Partial<SharedState> = {}): SharedState => ({
  owner: 'lonely',
  siblings: () => [],
  exclusive: (work) => work(),
  exclusiveRun: (_run, work) => work(),
  lever: () => null,
  liveRuns: () => [],
  outstanding: () => [],
  history: () => [],
  keepFolder: () => '/nowhere',
  dropKept: () => {},
  ...more,
});
