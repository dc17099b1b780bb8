import type { Milliseconds } from '../core/model.ts';

/** One container of a pod. Plain JSON. */
export type PodContainer = {
  readonly name: string;
  /** An init container; one that runs beside the others counts as such, too. */
  readonly init: boolean;
  /** As the pod asks for it. */
  readonly image: string;
  readonly state: 'running' | 'waiting' | 'terminated' | 'unknown';
  /** Why it waits or has ended: `CrashLoopBackOff`, `OOMKilled`, … */
  readonly reason: string;
  /** The runtime’s id of the container that runs or ran last; empty before the first. */
  readonly id: string;
  /** What the runtime calls the image that it runs or ran: names and digests. */
  readonly runs: readonly string[];
};

/** What a pod is doing. Plain JSON. */
export type PodState = {
  /** `gone`: this very pod no longer exists, whatever has its name now. */
  readonly phase: 'Pending' | 'Running' | 'Succeeded' | 'Failed' | 'Unknown' | 'gone';
  /** It is about to be deleted. */
  readonly terminating: boolean;
  /** Has its node looked at what the pod asks for now, before it told of the containers? Null: nobody tells. */
  readonly isSeen: boolean | null;
  readonly ready: boolean;
  /** The time it has to end by itself. */
  readonly grace: Milliseconds;
  readonly finalizers: readonly string[];
  readonly containers: readonly PodContainer[];
};

/** What came of an eviction: `gone`: it was not there any more; `refused`: a disruption budget's own words. */
export type Eviction = 'evicted' | 'gone' | { readonly refused: string };

/** What is written on a pod while its images are exchanged, by whom, and what they were. */
export type PodMark = { readonly owner: string; readonly images: readonly PodImage[] };

/** The image of one container. */
export type PodImage = { readonly container: string; readonly init: boolean; readonly image: string };

/**
 * One pod through the API of its cluster, by its uid: a pod that has taken its name is never touched. Each call throws
 * `target-gone` when it no longer exists; `state` says `gone` instead.
 */
export interface PodCapability {
  readonly uid: string;
  state(): Promise<PodState>;
  /** Delete it; it has `grace` to end, null: its own time. */
  remove(grace: Milliseconds | null): Promise<void>;
  /** Ask for its eviction, which respects disruption budgets. */
  evict(grace: Milliseconds | null): Promise<Eviction>;
  /** The mark on it, null when there is none. */
  mark(): Promise<PodMark | null>;
  /**
   * Change images and the mark in one step; `mark` null takes it off. False, and nothing is changed, when the mark on it
   * is not that of `by` (null: when there is one).
   */
  setImages(images: readonly PodImage[], mark: PodMark | null, by: string | null): Promise<boolean>;
}
