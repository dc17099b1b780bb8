/** A helper program to run beside the target. */
export interface WorkerSpec {
  /** Argument array; argv[0] is looked up in PATH. Never a shell line. */
  readonly argv: readonly string[];
  /** Marks the worker and all its children in their environment as `ZASHIKI_WORKER=tag`. */
  readonly tag: string;
}

/**
 * Runs helpers in the target's cgroup where that is possible. A worker is found again by its tag alone, so that a
 * worker whose starter was killed before it could write down a pid is still found and ended.
 */
export interface CgroupCapability {
  /** Start it detached; does not wait. Returns its pid and whether it runs in the target's cgroup. */
  start(worker: WorkerSpec): Promise<{ readonly pid: number; readonly inside: boolean; readonly cgroup: string }>;
  /** Pids of all living processes of this tag. */
  find(tag: string): Promise<readonly number[]>;
  /** SIGKILL to all of this tag, until none is left. */
  stop(tag: string): Promise<void>;
  /**
   * CPU time used so far by all of this tag, in milliseconds, their resident memory, and what they have written to
   * files (as they asked, before any cache), in bytes.
   */
  usage(tag: string): Promise<{ readonly cpuMs: number; readonly rssBytes: number; readonly writtenBytes: number }>;
  /** Bytes of memory that may still be taken before a bound of the target's cgroup is met; null: it has none. */
  room?(): Promise<number | null>;
}
