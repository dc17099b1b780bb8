import type { Netns } from '../../../capabilities/netns.ts';

/** One netfilter queue that a program has bound in the namespace. */
export interface BoundQueue {
  readonly queue: number;
  /** Packets that wait for their verdict. */
  readonly waiting: number;
  /** Packets that the kernel had to drop, or let pass, because there was no room for them. */
  readonly overrun: number;
  /** Packets that came so far. */
  readonly seen: number;
}

/** All that are bound now; none where the kernel has no such queues. */
export async function boundQueues(ns: Netns): Promise<readonly BoundQueue[]> {
  // In /proc/net a program sees the namespace that it is in itself.
  const { stdout } = await ns.run(['cat', '/proc/net/netfilter/nfnetlink_queue']);
  return parseQueues(stdout);
}

/** The columns: queue, port, waiting, copy mode, copy range, dropped, lost on the way to the program, last id, 1. */
export function parseQueues(text: string): readonly BoundQueue[] {
  return text
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
    .filter((columns) => columns.length >= 8)
    .map(([queue = 0, , waiting = 0, , , dropped = 0, lost = 0, seen = 0]) => ({
      queue,
      waiting,
      overrun: dropped + lost,
      seen,
    }));
}
