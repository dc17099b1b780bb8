import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from './ports.ts';

/** 24.8 days: a longer timer would go off at once. */
const longestTimer = 2 ** 31 - 1;

/** The machine's clock. `mono` counts from boot, so that processes of one boot agree on it. */
export const systemClock: Clock = {
  now: () => Date.now(),
  mono: () => Number(process.hrtime.bigint() / 1_000_000n),
  async sleep(ms, signal) {
    let left = Math.max(0, ms);
    do {
      const part = Math.min(left, longestTimer);
      await delay(part, undefined, signal ? { signal } : {});
      left -= part;
    } while (left > 0);
  },
};
