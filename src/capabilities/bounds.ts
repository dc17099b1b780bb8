/** One cgroup of one boot, by its folder and inode: another cgroup of the same name is not taken for it. Plain JSON. */
export type CgroupId = { readonly folder: string; readonly ino: string; readonly boot: string };

/** Tasks (processes and threads): how many there are, how many there may be, how often one more was refused. */
export type TaskBound = { readonly now: number; readonly max: number; readonly refused: number };

/** Bytes; -1 is no bound. `swap` comes on top of `max`; null where swap is not accounted. */
export type MemoryBound = { readonly max: number; readonly swap: number | null };

/**
 * Memory in use, without what the kernel can drop at once. `kills`: by the OOM killer, so far, as the file `events` has it
 * behind the word oom_kill; `killer`: it is on.
 */
export type MemoryUse = MemoryBound & {
  readonly used: number;
  readonly kills: number;
  readonly events: string;
  readonly killer: boolean;
};

/** A process in the cgroup, and its oom_score_adj (-1000 to 1000). `main`: the target's own first process. */
export type Member = {
  readonly pid: number;
  readonly startTime: string;
  readonly score: number;
  readonly main: boolean;
};

/**
 * The bounds of the target's own cgroup (v1 or v2). What `locate` gave works in any later process, whatever became of the
 * target; each call throws `target-gone` once that cgroup is gone, and all that was set with it.
 */
export interface BoundsCapability {
  /** Throws `target-gone`; `not-supported` without such a controller, or when others (or we) live in that cgroup, too. */
  locate(controller: 'pids' | 'memory'): Promise<CgroupId>;
  tasks(of: CgroupId): Promise<TaskBound>;
  setTasks(of: CgroupId, max: number): Promise<void>;
  memory(of: CgroupId): Promise<MemoryUse>;
  setMemory(of: CgroupId, bound: MemoryBound): Promise<void>;
  /** All processes in it and below. */
  members(of: CgroupId): Promise<readonly Member[]>;
  /** Those that have ended are skipped. Throws `permission-missing` naming CAP_SYS_RESOURCE. */
  setScores(members: readonly Pick<Member, 'pid' | 'startTime' | 'score'>[]): Promise<void>;
}
