import { ZashikiError } from '../../core/errors.ts';
import type { Schedule } from '../../core/schedule/model.ts';
import {
  apiVersion,
  type ChaosExperiment,
  type ChaosMetadata,
  type ChaosSchedule,
  type ChaosWorkflow,
  firstRunAnnotation,
  isExperiment,
  pauseAnnotation,
} from './document.ts';
import { toExperiment } from './experiment.ts';
import { chaosKind } from './kinds/blocks.ts';

/** What a Schedule makes each time, under this name. */
export function childOf(document: ChaosSchedule, name = document.metadata.name): ChaosExperiment | ChaosWorkflow {
  const { type } = document.spec;
  const spec =
    type === 'Workflow' ? document.spec.workflow : document.spec[chaosKind(type)?.block as keyof typeof document.spec];
  const { namespace, labels } = document.metadata;
  const metadata: ChaosMetadata = { name, namespace, ...(labels ? { labels } : {}) };
  return { apiVersion, kind: type, metadata, spec } as ChaosExperiment | ChaosWorkflow;
}

/** Does its first round begin as soon as it is there, as v1.x did with `@every`? */
export const firesAtOnce = ({ metadata }: ChaosSchedule): boolean =>
  metadata.annotations?.[firstRunAnnotation] === 'at-once';

/** Does nothing go on until the annotation is taken away? */
export const isPaused = ({ metadata }: { readonly metadata: ChaosMetadata }): boolean =>
  metadata.annotations?.[pauseAnnotation] === 'true';

/**
 * A Schedule of Chaos Mesh as one of ours. A round that was missed is made up for once, up to the deadline. Throws
 * `not-available` for one of a Workflow, which is no experiment, and what `toExperiment` throws.
 */
export function toSchedule(document: ChaosSchedule): Schedule {
  const child = childOf(document);
  if (!isExperiment(child)) {
    throw new ZashikiError(
      'not-available',
      `spec.type: a ${child.kind} again and again is for the operator: zashiki install kubernetes, then kubectl apply`,
    );
  }
  const { schedule, concurrencyPolicy, startingDeadlineSeconds, historyLimit } = document.spec;
  const { metadata, spec } = toExperiment(child);
  const { annotations } = document.metadata;
  return {
    apiVersion: 'zashiki.dev/v1',
    kind: 'Schedule',
    metadata: { ...metadata, ...(annotations ? { annotations } : {}) },
    spec: {
      schedule: { cron: schedule },
      concurrencyPolicy,
      missedRuns: 'once',
      ...(startingDeadlineSeconds ? { startingDeadline: startingDeadlineSeconds * 1000 } : {}),
      historyLimit,
      suspend: isPaused(document),
      sealed: false,
      experiment: spec,
    },
  };
}
