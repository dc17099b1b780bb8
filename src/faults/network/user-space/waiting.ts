import type { Micros } from './model/delay.ts';

/** Things that wait for their time: the earliest first, and those of one time in the order in which they came. */
export interface Waiting<T> {
  add(at: Micros, what: T): void;
  /** When the next one is due; undefined when nothing waits. */
  next(): Micros | undefined;
  /** Take the next one whose time has come by `now`. */
  take(now: Micros): T | undefined;
  size(): number;
}

interface Entry<T> {
  readonly at: Micros;
  readonly order: number;
  readonly what: T;
}

/** A binary heap. */
export function waiting<T>(): Waiting<T> {
  const heap: Entry<T>[] = [];
  let order = 0;
  const before = (a: Entry<T>, b: Entry<T>) => a.at < b.at || (a.at === b.at && a.order < b.order);
  return {
    add(at, what) {
      const entry = { at, order: order++, what };
      let place = heap.length;
      for (heap.push(entry); place > 0; ) {
        const parent = (place - 1) >> 1;
        const above = heap[parent] as Entry<T>;
        if (!before(entry, above)) break;
        heap[place] = above;
        place = parent;
      }
      heap[place] = entry;
    },
    next: () => heap[0]?.at,
    take(now) {
      const top = heap[0];
      if (!top || top.at > now) return undefined;
      const last = heap.pop() as Entry<T>;
      if (heap.length === 0) return top.what;
      let place = 0;
      for (;;) {
        let child = place * 2 + 1;
        if (child >= heap.length) break;
        const right = heap[child + 1];
        if (right && before(right, heap[child] as Entry<T>)) child++;
        const below = heap[child] as Entry<T>;
        if (!before(below, last)) break;
        heap[place] = below;
        place = child;
      }
      heap[place] = last;
      return top.what;
    },
    size: () => heap.length,
  };
}
