import type { Rng } from '../../../../core/ports.ts';
import type { Effects } from '../../effects.ts';
import { chance } from './chance.ts';
import { delay, type Micros, transmission } from './delay.ts';
import { loss } from './loss.ts';

/** One packet on its way out: when, and whether with a wrong bit. `copy`: it is the duplicate. */
export interface Departure {
  readonly at: Micros;
  readonly corrupt: boolean;
  readonly copy: boolean;
}

/**
 * What happens to the packets of one direction, in the order of netem's enqueue (Linux 6.12): duplicate, loss,
 * corrupt, full queue, reorder or delay and rate. A duplicate goes through all but duplication once more.
 */
export interface Pipeline {
  /** Nothing comes out of a lost packet, two of a duplicated one. `now` never goes back. */
  decide(now: Micros, bytes: number): readonly Departure[];
  /** A departure has taken place. */
  left(): void;
}

/** What we can carry, so that a queue has room for all that comes in within the delay. */
const packetsPerSecond = 100_000;

/** How many packets may wait: 1000 as with netem, and more for long delays; 60,000 at most. */
export function roomFor({ delay: asked }: Effects): number {
  const longest = ((asked?.latencyUs ?? 0) + 4 * (asked?.jitterUs ?? 0)) / 1e6;
  return Math.min(60_000, Math.max(1000, Math.ceil(longest * packetsPerSecond)));
}

/** Everything random is drawn from `rng`, so that the same seed and packets give the same departures. */
export function pipeline(effects: Effects, rng: Rng): Pipeline {
  const { rate, reorder } = effects;
  const [isDuplicated, isLost, isCorrupt] = [
    chance(effects.duplicate, rng),
    loss(effects.loss, rng),
    chance(effects.corrupt, rng),
  ];
  const [nextDelay, isFirst] = [delay(effects.delay, rng), chance(reorder, rng)];
  const gap = reorder ? Math.max(1, reorder.gap ?? 1) : 0;
  const room = roomFor(effects);
  let [sinceFirst, waiting, lastAt] = [0, 0, Number.NEGATIVE_INFINITY];

  const pass = (now: Micros, bytes: number, copy: boolean): Departure | undefined => {
    const corrupt = isCorrupt();
    if (waiting >= room) return undefined;
    waiting++;
    if (gap > 0 && sinceFirst >= gap - 1 && isFirst()) {
      sinceFirst = 0;
      lastAt = Math.max(lastAt, now);
      return { at: now, corrupt, copy };
    }
    sinceFirst++;
    let [from, wait] = [now, nextDelay()];
    if (rate) {
      // The wire is busy until the last packet in the queue has left; time spent waiting for it is part of the delay.
      if (lastAt > now) [from, wait] = [lastAt, Math.max(0, wait - (lastAt - now))];
      wait += transmission(rate, bytes);
    }
    const at = Math.max(now, from + wait);
    lastAt = Math.max(lastAt, at);
    return { at, corrupt, copy };
  };

  return {
    decide(now, bytes) {
      const [twice, lost] = [isDuplicated(), isLost()];
      if (lost && !twice) return [];
      const original = pass(now, bytes, false);
      // One is made and one is lost: one passes.
      if (!twice || lost) return list(original);
      return [...list(original), ...list(isLost() ? undefined : pass(now, bytes, true))];
    },
    left() {
      waiting--;
    },
  };
}

const list = (one: Departure | undefined): readonly Departure[] => (one ? [one] : []);
