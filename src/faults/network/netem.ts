import type { Delay, Effects, Loss, Rate } from './effects.ts';

/** Packets per second that a queue must be able to hold for the length of a delay: 10 Gbit/s of 1500 bytes. */
const lineRate = 10e9 / 8 / 1500;

/**
 * Arguments of one netem qdisc with all effects. Every number keeps its digits. `seed` where the tc at hand knows it
 * (iproute2 6.6). A loss of every n-th packet is none of netem's.
 */
export function netemArgs(effects: Effects, seed?: number): readonly string[] {
  const { delay, reorder, loss, duplicate, corrupt, rate } = effects;
  return [
    ...['netem', 'limit', String(queueLimit(effects))],
    ...(delay ? delayArgs(delay) : []),
    ...(loss ? lossArgs(loss) : []),
    ...(duplicate ? ['duplicate', percent(duplicate.percent), percent(duplicate.correlation)] : []),
    ...(corrupt ? ['corrupt', percent(corrupt.percent), percent(corrupt.correlation)] : []),
    ...(reorder ? ['reorder', percent(reorder.percent), percent(reorder.correlation)] : []),
    ...(reorder?.gap === undefined ? [] : ['gap', String(reorder.gap)]),
    ...(rate ? rateArgs(rate) : []),
    ...(seed === undefined ? [] : ['seed', String(seed)]),
  ];
}

/**
 * How many packets may wait: what arrives during the longest delay, by the rate if there is one, else at 10 Gbit/s.
 * Never less than netem's own 1000; a queue that is too short would drop what it should only delay.
 */
export function queueLimit({ delay, rate, duplicate }: Effects): number {
  const seconds = delay ? (delay.latencyUs + 4 * delay.jitterUs) / 1e6 : 0;
  // Small packets: 128 bytes on the wire.
  const perSecond = rate ? Math.min(lineRate, rate.bitsPerSecond / 8 / 128) : lineRate;
  const packets = Math.ceil(perSecond * seconds) * (duplicate ? 2 : 1);
  return Math.min(10_000_000, Math.max(1000, packets + 1000));
}

/** Arguments of a tbf qdisc for a rate alone. Unless given: 10 ms may go at once, 400 ms may wait. */
export function tbfArgs({ bitsPerSecond, burst, limit }: Rate): readonly string[] {
  const bytes = bitsPerSecond / 8;
  const atOnce = burst ?? Math.max(3200, Math.ceil(bytes / 100));
  const waiting = limit ?? Math.max(64_000, Math.ceil(bytes * 0.4)) + atOnce;
  return ['tbf', 'rate', `${bitsPerSecond}bit`, 'burst', String(atOnce), 'limit', String(waiting)];
}

function delayArgs({ latencyUs, jitterUs, correlation, distribution }: Delay): readonly string[] {
  if (jitterUs === 0) return ['delay', micros(latencyUs)];
  const shape = distribution === 'uniform' ? [] : ['distribution', distribution];
  return ['delay', micros(latencyUs), micros(jitterUs), percent(correlation), ...shape];
}

function lossArgs(loss: Loss): readonly string[] {
  switch (loss.model) {
    case 'random':
      return ['loss', 'random', percent(loss.percent), percent(loss.correlation)];
    case 'state':
      return ['loss', 'state', ...[loss.p13, loss.p31, loss.p32, loss.p23, loss.p14].map(percent)];
    case 'gemodel':
      return ['loss', 'gemodel', ...[loss.pg, loss.pb, loss.oneH, loss.oneK].map(percent)];
    case 'nth':
      throw new Error('netem cannot lose every n-th packet');
  }
}

function rateArgs({ bitsPerSecond, packetOverhead = 0, cellSize = 0, cellOverhead = 0 }: Rate): readonly string[] {
  return ['rate', `${bitsPerSecond}bit`, ...[packetOverhead, cellSize, cellOverhead].map(String)];
}

const micros = (us: number) => `${decimal(us)}us`;
const percent = (value: number) => `${decimal(value)}%`;

/** All digits, and never an exponent, which tc does not read. */
export const decimal = (value: number): string =>
  String(value).includes('e') ? value.toFixed(12).replace(/\.?0+$/, '') : String(value);
