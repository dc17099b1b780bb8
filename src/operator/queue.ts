import type { EpochMs, Milliseconds } from '../core/model.ts';

/** Work on objects, each by one worker at a time, several objects at a time, each with a delay of its own after failures. */
export interface Queue {
  /** There is something to do about this object, now or at a time. */
  add(key: string, at?: EpochMs): void;
  /** Wait until nothing runs. No new work is begun after that. */
  end(): Promise<void>;
  readonly length: number;
}

export interface QueueOptions {
  /** Does what there is to do; returns when to look again, if by itself. */
  readonly work: (key: string) => Promise<EpochMs | undefined>;
  readonly failed: (key: string, error: unknown, delay: Milliseconds) => void;
  /** Objects at a time. Default 16. */
  readonly workers?: number;
  readonly now?: () => EpochMs;
}

const firstDelay: Milliseconds = 200;
const longestDelay: Milliseconds = 30_000;

/** After so many failures one after another. */
export const delayAfter = (failures: number): Milliseconds =>
  Math.min(longestDelay, firstDelay * 2 ** Math.min(failures - 1, 10));

/** An empty queue. Who waits longest is next. */
export function openQueue({ work, failed, workers = 16, now = Date.now }: QueueOptions): Queue {
  const ready = new Set<string>();
  const timers = new Map<string, { at: EpochMs; timer: NodeJS.Timeout }>();
  const running = new Set<string>();
  const again = new Set<string>();
  const failures = new Map<string, number>();
  let ended = false;
  let idle: () => void = () => undefined;

  const enqueue = (key: string) => {
    const timed = timers.get(key);
    if (timed) clearTimeout(timed.timer);
    timers.delete(key);
    if (running.has(key)) again.add(key);
    else ready.add(key);
    drain();
  };
  const later = (key: string, at: EpochMs) => {
    const timed = timers.get(key);
    if (timed && timed.at <= at) return;
    if (timed) clearTimeout(timed.timer);
    const timer = setTimeout(() => enqueue(key), Math.min(Math.max(0, at - now()), 2 ** 31 - 1));
    timers.set(key, { at, timer });
  };
  const drain = () => {
    while (!ended && running.size < workers) {
      const [key] = ready;
      if (key === undefined) return;
      ready.delete(key);
      running.add(key);
      void run(key);
    }
  };
  const run = async (key: string) => {
    try {
      const at = await work(key);
      failures.delete(key);
      if (at !== undefined) later(key, at);
    } catch (error) {
      const count = (failures.get(key) ?? 0) + 1;
      failures.set(key, count);
      const delay = delayAfter(count);
      failed(key, error, delay);
      // What comes in meanwhile does not shorten it: an object that fails must not take the turns of others.
      again.delete(key);
      later(key, now() + delay);
    } finally {
      running.delete(key);
      if (again.delete(key)) ready.add(key);
      if (running.size === 0) idle();
      drain();
    }
  };
  return {
    add(key, at) {
      if (ended) return;
      if (at === undefined || at <= now()) enqueue(key);
      else later(key, at);
    },
    async end() {
      ended = true;
      for (const { timer } of timers.values()) clearTimeout(timer);
      timers.clear();
      if (running.size === 0) return;
      await new Promise<void>((resolve) => {
        idle = resolve;
      });
    },
    get length() {
      return ready.size + running.size;
    },
  };
}
