/** A piece of a stream and when it was read, in ms of the link's clock. */
export interface Chunk {
  readonly data: Uint8Array;
  readonly at: number;
}

/** How a stream ends: its sender ended it (FIN goes on), it is cut off (both ends are closed), or broken off (RST). */
export type Ending = 'end' | 'cut' | 'reset';

/** A queue between two stages of a link, bounded by bytes. */
export interface Channel {
  /** Put it in, whatever its length is now; senders ask for `room` first. */
  put(chunk: Chunk): void;
  /** The next chunk, or undefined when there is none now. */
  poll(): Chunk | undefined;
  /** Nothing comes any more. The first ending stands, but a harder one (`reset`) takes its place. */
  close(how: Ending): void;
  /** How it ended, once it is empty; null before that. */
  ended(): Ending | null;
  readonly hasRoom: boolean;
  readonly isEmpty: boolean;
  /** Called on each change: something came, something was taken, it was closed. */
  watch(listener: () => void): () => void;
}

/** Each chunk counts this much besides its bytes, so that many tiny ones are bounded too. */
const perChunk = 128;

/** Make one that has room until `limit` bytes wait in it. */
export function createChannel(limit: number): Channel {
  const queue: Chunk[] = [];
  const listeners = new Set<() => void>();
  let [head, weight] = [0, 0];
  let ending: Ending | null = null;
  const tell = () => {
    for (const listener of listeners) listener();
  };
  return {
    put(chunk) {
      queue.push(chunk);
      weight += chunk.data.length + perChunk;
      tell();
    },
    poll() {
      const chunk = queue[head];
      if (!chunk) return undefined;
      head++;
      if (head === queue.length || head > 1024) {
        queue.splice(0, head);
        head = 0;
      }
      weight -= chunk.data.length + perChunk;
      tell();
      return chunk;
    },
    close(how) {
      if (ending === null || how === 'reset') ending = how;
      tell();
    },
    ended: () => (head === queue.length ? ending : null),
    get hasRoom() {
      return weight < limit;
    },
    get isEmpty() {
      return head === queue.length;
    },
    watch(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
