/** `replicas`: wanted; `now`: there are, `ready`: of them. Plain JSON. */
export type ScaleState = { readonly replicas: number; readonly now: number; readonly ready: number };

/** The number of replicas of one workload. Throws `target-gone` when it no longer exists. */
export interface ScaleCapability {
  state(): Promise<ScaleState>;
  /** Want so many, if `from` are wanted now; false, and nothing is changed, when it is another number. */
  set(replicas: number, from: number): Promise<boolean>;
}
