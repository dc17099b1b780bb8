import type { Milliseconds } from '../../core/model.ts';
import type { Sighting } from '../../core/ports.ts';
import type { Effects, Loss, Traffic } from './effects.ts';
import type { Trips } from './measure.ts';
import { decimal } from './netem.ts';

/** How many round trips are asked for while a fault is on. */
export const asked = 20;

/** Of the packets with a wrong bit, at least so many show it; others have it where nobody looks, as in a MAC address. */
const shown = 0.5;

/** The longest that one answer may take while these effects are on. */
export function patienceFor({ delay, rate }: Effects, before: Milliseconds): Milliseconds {
  return before + 400 + (delay ? (2 * (delay.latencyUs + 4 * delay.jitterUs)) / 1000 : 0) + (rate ? 1000 : 0);
}

/**
 * Whether round trips show what these effects ask for, and what they were. What they cannot show (a small chance, a
 * reordering, a rate) is not held against them. Never says more than was measured.
 */
export function judge(effects: Effects, { direction }: Traffic, before: Trips, now: Trips): Sighting {
  const ways = direction === 'both' ? 2 : 1;
  const details: string[] = [];
  let yes = true;
  const say = (good: boolean, detail: string) => {
    yes &&= good;
    details.push(detail);
  };

  const { delay, loss, duplicate, corrupt } = effects;
  const lost = now.sent - now.received;
  const losing = loss ? lossShare(loss) : 0;
  const harmed = 1 - (1 - losing) ** ways * (1 - (shown * (corrupt?.percent ?? 0)) / 100) ** ways;
  if (loss || corrupt) {
    // So unlikely that it shows that nothing is lost.
    const impossible = lost + now.spoiled === 0 && (1 - harmed) ** now.sent < 1e-3;
    const all = losing >= 1 && lost < now.sent;
    const spoiled = now.spoiled > 0 ? `, ${now.spoiled} of ${now.received} answers spoiled` : '';
    say(!impossible && !all, `${lost} of ${now.sent} round trips lost${spoiled}`);
  } else if (now.received === 0 && before.received > 0)
    say(!!effects.rate, `none of ${now.sent} round trips came back`);
  if (delay && now.medianMs !== null && before.leastMs !== null) {
    // The least: the first round trips of a namespace may be slow for reasons of their own.
    const longer = now.medianMs - before.leastMs;
    const least = (ways * Math.max(0, delay.latencyUs - delay.jitterUs)) / 1000;
    const some = effects.reorder !== undefined;
    const trip = `round trip ${ms(now.medianMs)}, before ${ms(before.medianMs)}`;
    say(some || longer >= 0.8 * least - 0.2, trip);
  }
  if (duplicate) {
    const unseen = now.doubled === 0 && (1 - duplicate.percent / 100) ** now.received < 1e-3;
    say(!unseen || now.received === 0, `${now.doubled} of ${now.received} answers came twice`);
  }
  if (details.length === 0) details.push(`round trip ${ms(now.medianMs)}, before ${ms(before.medianMs)}`);
  return { yes, detail: details.join(', ') };
}

/** The share of packets that a loss model takes in the long run, 0..1. */
export function lossShare(loss: Loss): number {
  switch (loss.model) {
    case 'random':
      return loss.percent / 100;
    case 'nth':
      return 1 / loss.every;
    case 'gemodel': {
      const bad = loss.pg + loss.pb === 0 ? 0 : loss.pg / (loss.pg + loss.pb);
      return (bad * loss.oneH + (1 - bad) * loss.oneK) / 100;
    }
    case 'state': {
      const { p13, p31, p32, p23, p14 } = loss;
      // One lost packet at a time, and bursts that end by p31 and pause by p32.
      const good = p13 > 0 ? p31 / (p13 + p31) : 1;
      const burst = (1 - good) * (p23 + p32 > 0 ? p23 / (p23 + p32) : 1);
      return Math.min(1, burst + (good * p14) / 100);
    }
  }
}

const ms = (value: number | null) => (value === null ? 'unknown' : `${decimal(Number(value.toFixed(2)))} ms`);
