import { ZashikiError } from '../../core/errors.ts';
import type { Experiment, FaultStep, JsonObject, Step } from '../../core/model.ts';
import type { ChaosExperiment, PodChaos } from './document.ts';
import { durationOf } from './fields.ts';
import { drawsTwice, networkSteps } from './network.ts';
import { stressAction } from './stress.ts';
import { type Chosen, modeOf, onPods, podsOf, selectorOf } from './target.ts';

/**
 * One experiment of Chaos Mesh as one of ours. A step without `duration` lasts until somebody ends it: in Chaos Mesh,
 * until the object is deleted. Throws `not-available` for one that needs `chosen` and has none (`needsChoice`).
 */
export function toExperiment(document: ChaosExperiment, chosen?: Chosen): Experiment {
  const { name, labels, annotations } = document.metadata;
  return {
    apiVersion: 'zashiki.dev/v1',
    kind: 'Experiment',
    metadata: { name, ...(labels ? { labels } : {}), ...(annotations ? { annotations } : {}) },
    spec: {
      steadyStateHypothesis: [],
      method: methodOf(document, chosen),
      rollbacks: [],
      guards: {},
      stopWhen: [],
    },
  };
}

/** The steps alone. */
export function methodOf(document: ChaosExperiment, chosen?: Chosen): readonly Step[] {
  if (document.kind === 'NetworkChaos') return networkSteps(document.spec, chosen);
  const { spec } = document;
  if (!chosen) refuseDraws(document);
  const oneShot = document.kind === 'PodChaos' && spec.duration !== undefined && document.spec.action !== 'pod-failure';
  const { fault, params } = document.kind === 'PodChaos' ? podAction(document.spec) : stressAction(document.spec);
  const step: FaultStep = {
    kind: 'fault',
    fault,
    target: onPods(
      chosen ? podsOf(chosen.source, containersOf(document)) : selectorOf(spec.selector, containersOf(document)),
    ),
    ...(chosen ? { mode: 'all' } : modeOf(spec)),
    params,
    ...(spec.duration === undefined || oneShot ? {} : { duration: durationOf(spec.duration) }),
    resolve: 'step',
  };
  return [step];
}

/** Each container is a target of its own: several of them in drawn pods would be drawn one by one. */
function drawsContainers(document: ChaosExperiment): boolean {
  return document.kind !== 'NetworkChaos' && document.spec.mode !== 'all' && containersOf(document).length > 1;
}

/** Must the pods be chosen before, because its steps by themselves would draw others each time? */
export const needsChoice = (document: ChaosExperiment): boolean =>
  document.kind === 'NetworkChaos' ? drawsTwice(document.spec) : drawsContainers(document);

function refuseDraws(document: Exclude<ChaosExperiment, { kind: 'NetworkChaos' }>): void {
  if (!drawsContainers(document)) return;
  throw new ZashikiError(
    'not-available',
    `spec.containerNames: several containers of the pods that mode ${document.spec.mode} draws, which only the operator can do`,
    { hint: 'name one container, or write mode: all' },
  );
}

function containersOf(document: Exclude<ChaosExperiment, { kind: 'NetworkChaos' }>): readonly string[] {
  if (document.kind === 'PodChaos' && document.spec.action !== 'container-kill') return [];
  return document.spec.containerNames ?? [];
}

function podAction({ action, gracePeriod = 0 }: PodChaos['spec']): { fault: string; params: JsonObject } {
  switch (action) {
    case 'pod-kill':
      return { fault: 'pod-kill', params: { grace: `${gracePeriod}s` } };
    case 'pod-failure':
      return { fault: 'pod-failure', params: {} };
    case 'container-kill':
      return { fault: 'container-kill', params: { signal: 'SIGKILL' } };
  }
}
