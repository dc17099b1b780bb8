import { z } from 'zod';
import type { Path } from '../../spec/problem.ts';
import { GoDuration, NameOrNone, Text } from './fields.ts';
import type { Raw, Say } from './say.ts';

/** One kind of Chaos Mesh: the single source of its validation, its CRD and its page in the docs. */
export interface Kind {
  readonly kind: string;
  readonly plural: string;
  readonly shortNames?: readonly string[];
  readonly summary: string;
  /** `works`: it becomes a document of ours; `not-yet`: read, checked, and then refused. */
  readonly state: 'works' | 'not-yet';
  /** The `spec` of v2. */
  readonly spec: z.ZodObject;
  /** Fields of v0.8 and v1.x that are read too. */
  readonly legacy?: z.ZodRawShape;
  /** What several fields say together. `spec` is as given; what the schema finds by itself need not be said again. */
  readonly rules: (spec: Raw, path: Path, say: Say) => void;
  /** Is it over as soon as it was done? */
  readonly oneShot?: (spec: Raw) => boolean;
  /** Key of the block inside Schedule and Workflow; absent: it cannot stand there. */
  readonly block?: string;
  readonly columns?: readonly string[];
  readonly statusSubresource?: true;
  /** Rules of the Kubernetes API server, in CEL, over the `spec`. */
  readonly cel?: readonly CelRule[];
}

/** A rule that the API server checks by itself. */
export interface CelRule {
  readonly rule: string;
  readonly message: string;
  /** The field that is told as the place, such as `.delay`. Default: the whole spec. */
  readonly fieldPath?: string;
}

/** What every experiment has. */
export const experimentShape = {
  duration: GoDuration.optional().describe('How long; default: until the object is deleted.'),
  remoteCluster: Text.optional().describe('A RemoteCluster; not supported.'),
};

/** What every experiment of v0.8 and v1.x has besides. */
export const legacyShape = {
  scheduler: z
    .strictObject({ cron: Text.describe('Five fields, a descriptor such as @daily, or @every 10m.') })
    .nullish()
    .describe('v1.x: again and again. Read as a Schedule.'),
  paused: z.boolean().optional().describe('v0.8. Read as the annotation experiment.chaos-mesh.org/pause.'),
  nextStart: z.unknown().optional().describe('v0.8. Left out.'),
  nextRecover: z.unknown().optional().describe('v0.8. Left out.'),
};

/** `containerName` of v1.x. */
export const legacyContainer = {
  containerName: NameOrNone.optional().describe('v1.x. Read as containerNames: [NAME].'),
};

/** v2 and all that came before, for reading. */
export const acceptedSpec = ({ spec, legacy = {} }: Kind): z.ZodObject => z.strictObject({ ...spec.shape, ...legacy });
