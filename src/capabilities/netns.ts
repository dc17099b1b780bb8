import type { WorkerSpec } from './cgroup.ts';

/**
 * One network namespace of one boot, e.g. `net:4026532219@6a7c…`. Stays the same while the namespace lives, whoever
 * lives in it.
 */
export type NetnsId = string;

/**
 * What no other namespace of this boot ever has, as text that says how it was read: `cookie:…` or `lo:…`. The number of
 * a namespace that has ended is given to the next one, within moments.
 */
export type NetnsBirth = string;

/** Whether these are surely two namespaces; false when one of them could not be read, or was read in another way. */
export const bornApart = (a: NetnsBirth | undefined, b: NetnsBirth | undefined): boolean =>
  a !== undefined && b !== undefined && a.split(':')[0] === b.split(':')[0] && a !== b;

/** Somebody else in the network namespace of a target, and why it may never be hit, if so. */
export interface Neighbour {
  readonly name: string;
  readonly spared?: string;
}

/** How a program ended, and what it said. */
export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The network namespace of a target: the packet-level faults work here, whatever the target is. */
export interface NetnsCapability {
  /**
   * Where the target lives now; `machine`: in the namespace of the machine itself; `isMachine`: it is the machine, so
   * that everybody in there is meant; `birth`: where it can be read; `others`: who else is known to work in there, if
   * anybody. Throws `target-gone`.
   */
  identify(): Promise<{
    readonly id: NetnsId;
    readonly birth?: NetnsBirth;
    readonly machine: boolean;
    readonly isMachine?: boolean;
    readonly others?: readonly Neighbour[];
  }>;
  /**
   * Open a namespace that `identify` named, perhaps days ago. Works although the target has ended, as long as somebody
   * else holds the namespace; throws `target-gone` when the namespace itself is gone, and all that was in it with it,
   * also when another one has its number now, as its `birth` tells.
   */
  open(id: NetnsId, birth?: NetnsBirth): Promise<Netns>;
  /** Pids of all living helpers of this tag, wherever they are: also when no namespace is left to open. */
  find(tag: string): Promise<readonly number[]>;
  /** SIGKILL to all of this tag, until none is left; likewise. */
  stop(tag: string): Promise<void>;
}

/** An open namespace. Nothing of it needs to be closed. Every call throws `target-gone` once it has ended. */
export interface Netns {
  readonly id: NetnsId;
  /**
   * Run a program there and wait. Argument array, never a shell; a failing program is no error but a `code`. Throws
   * `not-supported` when the program is not installed, `permission-missing` naming the capability.
   */
  run(argv: readonly string[], options?: { readonly input?: string; readonly timeoutMs?: number }): Promise<Finished>;
  /**
   * Run a program in a new network namespace instead, that ends with it: to see what this kernel and its tools can do.
   * Null where none can be made. Throws `not-supported` when the program is not installed.
   */
  trial(argv: readonly string[], options?: { readonly input?: string }): Promise<Finished | null>;
  /** Start a helper there, detached, marked by its tag. Throws `not-supported` where only `run` is possible. */
  start(worker: WorkerSpec): Promise<number>;
  /** Pids of all living helpers of this tag. */
  find(tag: string): Promise<readonly number[]>;
  /** SIGKILL to all of this tag, until none is left. */
  stop(tag: string): Promise<void>;
}
