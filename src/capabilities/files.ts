/**
 * What stays of a place when the target ends. The changes to its root file system are in a folder `upper` of ours
 * (overlayfs), the place is `inside` below it once anything there has been changed. `nothing`: it was
 * in memory.
 */
export type Remains = { readonly upper: string; readonly inside: string } | 'nothing';

/** Files as the target sees them. The faults use node:fs on the path that `resolve` returns. */
export interface FilesCapability {
  /**
   * A path in our own mount namespace for an absolute path of the target's, links followed, which leads there also when
   * the target has ended, unless `remains` tells otherwise: what is changed can always be undone. For a target in our namespace it is the path itself. Throws
   * `target-gone`, and `not-supported` when the place is one that only the target can see.
   */
  resolve(path: string): Promise<string>;
  /** Null where `resolve` leads there always. Absent: always null. */
  remains?(path: string): Promise<Remains | null>;
}
