import { expect, test } from 'vitest';
import { seededRng } from '../../../../core/rng.ts';
import type { Delay, Effects } from '../../effects.ts';
import { delay, transmission } from './delay.ts';
import { type Departure, pipeline, roomFor } from './pipeline.ts';

const none = { percent: 100, correlation: 0 };
const latency = (latencyUs: number, jitterUs = 0): Delay => ({
  latencyUs,
  jitterUs,
  correlation: 0,
  distribution: 'uniform',
});

/** Packets of 1000 bytes every `every` µs; those whose time has come leave. */
function run(effects: Effects, packets: number, every: number, seed = 7): readonly (readonly Departure[])[] {
  const pipe = pipeline(effects, seededRng(seed));
  const waiting: number[] = [];
  return Array.from({ length: packets }, (_, at) => {
    for (let due = 0; due < waiting.length; ) {
      if ((waiting[due] ?? 0) > at * every) due++;
      else {
        waiting.splice(due, 1);
        pipe.left();
      }
    }
    const departures = pipe.decide(at * every, 1000);
    waiting.push(...departures.map((departure) => departure.at));
    return departures;
  });
}

/** How far a share is from the expected one, in percent of all. */
const percentOff = (all: readonly unknown[], some: readonly unknown[], expected: number) =>
  Math.abs((100 * some.length) / all.length - expected);

test('without effects a packet leaves at once, as it was', () => {
  expect(run({}, 3, 10)).toEqual([0, 10, 20].map((at) => [{ at, corrupt: false, copy: false }]));
});

test('a delay without jitter is exact; jitter stays within it', () => {
  expect(run({ delay: latency(500) }, 3, 10).map(([one]) => one?.at)).toEqual([500, 510, 520]);
  const waits = run({ delay: latency(100_000, 20_000) }, 5000, 10).map(([one], at) => (one?.at ?? 0) - at * 10);
  expect(Math.min(...waits)).toBeGreaterThanOrEqual(80_000);
  expect(Math.max(...waits)).toBeLessThan(120_000);
  expect(waits.reduce((sum, wait) => sum + wait, 0) / waits.length / 1000).toBeCloseTo(100, 0);
});

test('a jitter above the latency never sends a packet into the past', () => {
  const departures = run({ delay: latency(10, 1000) }, 1000, 10).flat();
  expect(departures.every(({ at }, index) => at >= index * 10)).toBe(true);
});

test.each(['normal', 'pareto', 'paretonormal'] as const)('%s jitter has its mean and its spread', (distribution) => {
  const next = delay({ latencyUs: 100_000, jitterUs: 10_000, correlation: 0, distribution }, seededRng(5));
  const drawn = Array.from({ length: 50_000 }, next);
  const mean = drawn.reduce((sum, one) => sum + one, 0) / drawn.length;
  const spread = Math.sqrt(drawn.reduce((sum, one) => sum + (one - mean) ** 2, 0) / drawn.length);
  expect(Math.abs(mean - 100_000)).toBeLessThan(600);
  expect(spread).toBeGreaterThan(6000);
  expect(spread).toBeLessThan(10_200);
});

test('correlated delays are near the one before', () => {
  const step = (correlation: number) => {
    const next = delay({ latencyUs: 0, jitterUs: 1000, correlation, distribution: 'uniform' }, seededRng(5));
    const drawn = Array.from({ length: 20_000 }, next);
    return drawn.reduce((sum, one, at) => sum + Math.abs(one - (drawn[at - 1] ?? one)), 0) / drawn.length;
  };
  expect(step(90)).toBeLessThan(step(0) / 5);
});

test('loss, corruption and duplication at their shares', () => {
  const lost = run({ loss: { model: 'random', percent: 30, correlation: 0 } }, 20_000, 1);
  expect(
    percentOff(
      lost,
      lost.filter((one) => one.length === 0),
      30,
    ),
  ).toBeLessThan(1);
  const bad = run({ corrupt: { percent: 10, correlation: 0 } }, 20_000, 1);
  expect(
    percentOff(
      bad,
      bad.filter(([one]) => one?.corrupt),
      10,
    ),
  ).toBeLessThan(1);
  const twice = run({ duplicate: { percent: 50, correlation: 0 } }, 20_000, 1);
  expect(
    percentOff(
      twice,
      twice.filter((one) => one.length === 2),
      50,
    ),
  ).toBeLessThan(1);
  expect(twice.flat().filter(({ copy }) => copy)).toHaveLength(twice.filter((one) => one.length === 2).length);
});

test('lost and duplicated at once: one packet passes; a copy can be lost by itself', () => {
  const all = run({ duplicate: none, loss: { model: 'random', percent: 50, correlation: 0 } }, 20_000, 1);
  expect(all.every((one) => one.length === 1 || one.length === 2)).toBe(true);
  expect(
    percentOff(
      all,
      all.filter((one) => one.length === 2),
      25,
    ),
  ).toBeLessThan(1);
});

test('reorder sends some at once and delays the rest', () => {
  const all = run({ delay: latency(1000), reorder: { percent: 25, correlation: 0 } }, 20_000, 10).map(
    ([one], at) => (one?.at ?? 0) - at * 10,
  );
  expect([...new Set(all)].sort((a, b) => a - b)).toEqual([0, 1000]);
  expect(
    percentOff(
      all,
      all.filter((wait) => wait === 0),
      25,
    ),
  ).toBeLessThan(1);
});

test('with a gap only each fifth packet overtakes', () => {
  const all = run({ delay: latency(1000), reorder: { ...none, gap: 5 } }, 15, 10).map(
    ([one], at) => (one?.at ?? 0) - at * 10,
  );
  expect(all.map((wait) => wait === 0)).toEqual(Array.from({ length: 15 }, (_, at) => at % 5 === 4));
});

test('a rate spaces packets by their time on the wire, and a pause is not saved up', () => {
  const rate = { bitsPerSecond: 8_112_000 };
  expect(transmission(rate, 1000)).toBe(1000);
  const pipe = pipeline({ rate }, seededRng(1));
  const leave = (now: number) => pipe.decide(now, 1000)[0]?.at;
  expect([leave(0), leave(0), leave(0), leave(10_000)]).toEqual([1000, 2000, 3000, 11_000]);
});

test('waiting for the wire counts towards the delay', () => {
  const pipe = pipeline({ rate: { bitsPerSecond: 8_112_000 }, delay: latency(1500) }, seededRng(1));
  const leave = (now: number) => pipe.decide(now, 1000)[0]?.at;
  expect([leave(0), leave(0), leave(0)]).toEqual([2500, 3500, 4500]);
});

test('overhead and cells', () => {
  const rate = { bitsPerSecond: 8e6 };
  expect(transmission({ ...rate, packetOverhead: 6 }, 1000)).toBe(1020);
  expect(transmission({ ...rate, packetOverhead: -14 }, 1000)).toBe(1000);
  // 21.125 cells of 48 bytes, each with 5 more.
  expect(transmission({ ...rate, cellSize: 48, cellOverhead: 5 }, 1000)).toBe(22 * 53);
});

test('a full queue loses what comes then', () => {
  const pipe = pipeline({ rate: { bitsPerSecond: 1000 } }, seededRng(1));
  const passed = Array.from({ length: 1500 }, () => pipe.decide(0, 1000).length);
  expect(passed.filter((count) => count === 1)).toHaveLength(1000);
  pipe.left();
  expect(pipe.decide(0, 1000)).toHaveLength(1);
  expect(pipe.decide(0, 1000)).toHaveLength(0);
});

test('a long delay has room for all that we can carry', () => {
  expect(roomFor({})).toBe(1000);
  expect(roomFor({ delay: latency(200_000, 25_000) })).toBe(30_000);
  expect(roomFor({ delay: latency(60_000_000) })).toBe(60_000);
});

test('the same seed decides the same', () => {
  const effects: Effects = {
    delay: { latencyUs: 1000, jitterUs: 300, correlation: 25, distribution: 'paretonormal' },
    loss: { model: 'gemodel', pg: 5, pb: 30, oneH: 90, oneK: 1 },
    duplicate: { percent: 5, correlation: 10 },
    corrupt: { percent: 5, correlation: 0 },
    reorder: { percent: 10, correlation: 50, gap: 3 },
    rate: { bitsPerSecond: 1e9 },
  };
  expect(run(effects, 2000, 100, 11)).toEqual(run(effects, 2000, 100, 11));
  expect(run(effects, 2000, 100, 11)).not.toEqual(run(effects, 2000, 100, 12));
});
