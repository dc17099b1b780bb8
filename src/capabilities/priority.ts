/** Priorities of one thread. ioClass: none, realtime, best-effort, idle; level 0 (high) to 7. */
export type ThreadPriority = {
  readonly tid: number;
  readonly nice: number;
  readonly ioClass: 'none' | 'realtime' | 'best-effort' | 'idle';
  readonly ioLevel: number;
};

/** CPU and I/O priority of all threads of the target; `read` gives the main thread first. */
export interface PriorityCapability {
  read(): Promise<readonly ThreadPriority[]>;
  /** Threads that have ended are skipped. Throws `permission-missing` naming CAP_SYS_NICE. */
  write(threads: readonly ThreadPriority[]): Promise<void>;
  /**
   * Null when nice values may be lowered again to `nice` (CAP_SYS_NICE, or an RLIMIT_NICE that allows it), so that a
   * raise can be undone; else one line that says what is missing.
   */
  cannotRestore(nice: number): Promise<string | null>;
}
