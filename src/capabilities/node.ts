import type { Milliseconds } from '../core/model.ts';
import type { Eviction } from './pod.ts';

/** One pod on a node, and what becomes of it when the node is emptied. Plain JSON. */
export type NodePod = {
  /** `namespace/name`. */
  readonly name: string;
  readonly uid: string;
  /** Why it is never evicted: `a daemon set’s`, `in the protected namespace kube-system`, …; null: it may be. */
  readonly stays: string | null;
  /** Somebody makes another one in its place. */
  readonly managed: boolean;
  /** It is on its way out. */
  readonly terminating: boolean;
};

/** One node of a cluster. Each call throws `target-gone` when it no longer exists. */
export interface NodeCapability {
  readonly uid: string;
  /** `cordonedBy`: the mark that `cordon` has left; null when there is none. */
  state(): Promise<{ readonly unschedulable: boolean; readonly cordonedBy: string | null }>;
  /** No new pods, with a mark of ours in the same step. No error when it is so already: then nothing is changed. */
  cordon(mark: string): Promise<void>;
  /** New pods again, and the mark off, if the mark is this one; else nothing is changed. */
  uncordon(mark: string): Promise<void>;
  pods(): Promise<readonly NodePod[]>;
  /** Ask for the eviction of a pod, which has `grace` to end, null: its own time. */
  evict(pod: NodePod, grace: Milliseconds | null): Promise<Eviction>;
}
