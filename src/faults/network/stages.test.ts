import { expect, test } from 'vitest';
import type { Effects, Traffic } from './effects.ts';
import { type Shaping, stagesOf } from './rig.ts';

const delay: Effects = { delay: { latencyUs: 1000, jitterUs: 0, correlation: 0, distribution: 'uniform' } };
const twice: Effects = { duplicate: { percent: 50, correlation: 0 } };
const rate: Effects = { rate: { bitsPerSecond: 1e6 } };
const all: Traffic = { direction: 'egress' };
const some: Traffic = { direction: 'egress', peers: ['10.0.0.1/32'] };
const by = (effects: Effects, traffic = all, path: Shaping['path'] = 'netem') => ({ effects, traffic, path });
const qdiscs = (...shapings: readonly ReturnType<typeof by>[]) =>
  stagesOf(shapings, 'egress').map(({ qdisc }) => qdisc.join(' '));

test('a stage for each injection', () => {
  expect(qdiscs(by(delay), by(rate), by(delay, some))).toHaveLength(3);
  expect(qdiscs(by(twice))).toHaveLength(1);
});

test('what duplicates, and all else of netem for the same packets, become one: the kernel takes no other', () => {
  const [first, second, ...rest] = qdiscs(by(delay), by(rate, all, 'tbf'), by(twice), by(rate));
  expect(first).toMatch(/^netem .*delay 1000us .*duplicate 50% 0% .*rate 1000000bit/);
  expect(second).toMatch(/^tbf /);
  expect(rest).toEqual([]);
});

test('not where they are for different packets, or do the same twice', () => {
  expect(qdiscs(by(delay), by(twice, some))).toHaveLength(2);
  expect(qdiscs(by(delay), by(delay), by(twice))).toHaveLength(3);
});
