import { z } from 'zod';
import { Text } from './fields.ts';
import type { NetworkChaosSpec } from './kinds/network-chaos.ts';
import type { PodChaosSpec } from './kinds/pod-chaos.ts';
import type { ScheduleChaosSpec } from './kinds/schedule.ts';
import type { StatusCheckSpec } from './kinds/status-check.ts';
import type { StressChaosSpec } from './kinds/stress-chaos.ts';
import type { WorkflowSpec } from './kinds/workflow.ts';

/** The group and version of all kinds of Chaos Mesh since 2020. */
export const apiVersion = 'chaos-mesh.org/v1alpha1';
/** Before that. */
export const oldApiVersion = 'pingcap.com/v1alpha1';

/** Pauses an experiment when it is `"true"`. */
export const pauseAnnotation = 'experiment.chaos-mesh.org/pause';
/** Ours, on a Schedule that was written as `scheduler.cron: "@every …"`: the first round begins at once. */
export const firstRunAnnotation = 'zashiki.dev/first-run';

/** Of `metadata`, what counts here; what else the API server puts there is passed over. */
export const MetadataFields = z.looseObject({
  name: Text.regex(
    /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/,
    'not a name of Kubernetes: lower-case letters, digits, "-" and ".", with a letter or digit at both ends',
  )
    .max(253)
    .optional(),
  generateName: Text.optional(),
  namespace: Text.optional(),
  labels: z.record(z.string(), Text).nullish(),
  annotations: z.record(z.string(), Text).nullish(),
});

/** Name, place and notes of a document. */
export interface ChaosMetadata {
  readonly name: string;
  readonly namespace: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

interface Of<K extends string, S extends z.ZodType> {
  readonly apiVersion: typeof apiVersion;
  readonly kind: K;
  readonly metadata: ChaosMetadata;
  readonly spec: z.output<S>;
}

export type PodChaos = Of<'PodChaos', typeof PodChaosSpec>;
export type NetworkChaos = Of<'NetworkChaos', typeof NetworkChaosSpec>;
export type StressChaos = Of<'StressChaos', typeof StressChaosSpec>;
export type ChaosSchedule = Of<'Schedule', typeof ScheduleChaosSpec>;
export type ChaosWorkflow = Of<'Workflow', typeof WorkflowSpec>;
export type StatusCheck = Of<'StatusCheck', typeof StatusCheckSpec>;

/** A kind that becomes an experiment. */
export type ChaosExperiment = PodChaos | NetworkChaos | StressChaos;

/** A sound document in the form of v2, with its defaults. */
export type ChaosDocument = ChaosExperiment | ChaosSchedule | ChaosWorkflow | StatusCheck;

/** True for the kinds that become an experiment. */
export const isExperiment = (document: ChaosDocument): document is ChaosExperiment =>
  document.kind === 'PodChaos' || document.kind === 'NetworkChaos' || document.kind === 'StressChaos';
