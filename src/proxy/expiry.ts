/** Something that happens by itself after a while, unless it is cancelled. */
export interface Expiry {
  cancel(): void;
  /** How many ms are left. */
  left(): number;
}

/** A longer timer of Node would go off at once. */
const longestTimer = 2 ** 31 - 1;

/** Call `over` after so many ms, however many. Does not keep the process alive. */
export function expiry(ms: number, over: () => void): Expiry {
  const until = performance.now() + ms;
  let timer: NodeJS.Timeout;
  const arm = () => {
    const left = until - performance.now();
    timer = left <= 0 ? setTimeout(over, 0) : setTimeout(arm, Math.min(Math.ceil(left), longestTimer));
    timer.unref();
  };
  arm();
  return { cancel: () => clearTimeout(timer), left: () => Math.max(0, Math.round(until - performance.now())) };
}
