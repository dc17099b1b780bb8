import type { EpochMs, Json } from '../core/model.ts';
import type { Done } from './done.ts';
import type { Injection } from './record.ts';

/** An object of a kind of ours, as the API server has it. */
export interface Resource {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ResourceMeta;
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly status?: ResourceStatus;
}

export interface ResourceMeta {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly creationTimestamp: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly finalizers?: readonly string[];
  readonly ownerReferences?: readonly OwnerReference[];
}

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
  readonly blockOwnerDeletion?: boolean;
}

export interface Condition {
  readonly type: string;
  readonly status: 'True' | 'False';
  readonly reason?: string;
}

/** One entry of what happened to a target, as Chaos Mesh has it. */
export interface RecordEvent {
  readonly type: 'Succeeded' | 'Failed';
  readonly operation: 'Apply' | 'Recover';
  readonly message?: string | undefined;
  readonly timestamp: string;
}

/** One target, as Chaos Mesh has it. */
export interface ContainerRecord {
  readonly id: string;
  readonly selectorKey: string;
  readonly phase: 'Not Injected' | 'Injected' | 'Not Injected/Wait' | 'Injected/Wait';
  readonly injectedCount: number;
  readonly recoveredCount: number;
  readonly events?: readonly RecordEvent[];
}

/** A pod that was drawn. */
export interface Drawn {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/** What we keep for ourselves: everything that the next leader needs. */
export interface OwnStatus {
  /** Digest of the spec that the injections are of. */
  readonly of?: string | undefined;
  readonly seed?: number | undefined;
  readonly chosen?: Readonly<Record<string, readonly Drawn[]>> | undefined;
  readonly injections?: Readonly<Record<string, Injection>> | undefined;
  /** Those of which nothing stays, once they were seen. */
  readonly done?: Done | undefined;
  /** How many have not had their turn. */
  readonly waiting?: number | undefined;
  /** First successful injection, milliseconds since 1970. */
  readonly begun?: EpochMs | undefined;
  readonly heldSince?: EpochMs | undefined;
  readonly heldFor?: number | undefined;
  readonly offSince?: EpochMs | undefined;
  readonly because?: string | undefined;
  readonly oneShot?: boolean | undefined;
  /** For people: the last thing that stood in the way. */
  readonly message?: string | undefined;
  readonly [more: string]: unknown;
}

export interface ResourceStatus {
  readonly conditions?: readonly Condition[];
  readonly experiment?: {
    readonly desiredPhase?: 'Run' | 'Stop';
    readonly containerRecords?: readonly ContainerRecord[];
  };
  readonly zashiki?: OwnStatus;
  readonly [more: string]: unknown;
}

/** Kept until everything is seen to be as before. The name is that of Chaos Mesh: its users' scripts know it. */
export const finalizer = 'chaos-mesh/records';
/** `forced`: recover what can be at once, and let go of the rest. */
export const forceAnnotation = 'chaos-mesh.chaos-mesh.org/cleanFinalizer';
/** `creation`: count the duration from there, as Chaos Mesh does. */
export const countAnnotation = 'zashiki.dev/duration-from';

/** `default/web-failure`. */
export const nameOf = ({ metadata }: Pick<Resource, 'metadata'>): string => `${metadata.namespace}/${metadata.name}`;

/** JSON without what is undefined, so that two values can be compared as the API server would keep them. */
export const plain = <T>(value: T): T => JSON.parse(JSON.stringify(value ?? null)) as T & Json;
