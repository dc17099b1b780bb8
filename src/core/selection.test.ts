import fc from 'fast-check';
import { expect, test } from 'vitest';
import { target } from './fixtures.ts';
import { seededRng } from './rng.ts';
import { chooseVictims, eligible, howMany } from './selection.ts';

const rng = () => seededRng(7, 'method[0]');
const targets = (count: number) => Array.from({ length: count }, (_, index) => target(index));

test('CM-03 each mode takes as many as it says', () => {
  expect(howMany({ mode: 'one' }, 5, rng())).toBe(1);
  expect(howMany({ mode: 'one' }, 0, rng())).toBe(0);
  expect(howMany({ mode: 'all' }, 5, rng())).toBe(5);
  expect(howMany({ mode: 'fixed', value: 3 }, 5, rng())).toBe(3);
  expect(howMany({ mode: 'fixed', value: 9 }, 5, rng())).toBe(5);
  expect(howMany({ mode: 'fixed-percent', value: 50 }, 5, rng())).toBe(2);
  expect(howMany({ mode: 'fixed-percent', value: 1 }, 5, rng())).toBe(1);
  expect(howMany({ mode: 'fixed-percent', value: 0 }, 5, rng())).toBe(0);
});

test('CM-03 random-max-percent draws from none up to its share', () => {
  const draw = seededRng(3);
  const seen = new Set(Array.from({ length: 500 }, () => howMany({ mode: 'random-max-percent', value: 60 }, 5, draw)));
  expect([...seen].sort()).toEqual([0, 1, 2, 3]);
});

test('victims are distinct, in order, and the same for the same seed', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 1, max: 60 }), fc.nat(), (count, value, seed) => {
      const draw = () =>
        chooseVictims({ mode: 'fixed', value }, targets(count), seededRng(seed, 'x')).map(({ id }) => id);
      const ids = draw();
      expect(ids).toEqual(draw());
      expect(new Set(ids).size).toBe(Math.min(value, count));
      expect(ids.map((id) => Number(id.slice(4)))).toEqual(ids.map((id) => Number(id.slice(4))).sort((a, b) => a - b));
    }),
  );
});

test('every candidate is picked about equally often', () => {
  const hits = new Map<string, number>();
  for (let seed = 0; seed < 3000; seed++) {
    const [victim] = chooseVictims({ mode: 'one' }, targets(5), seededRng(seed, 'x'));
    hits.set(victim?.id ?? '', (hits.get(victim?.id ?? '') ?? 0) + 1);
  }
  // 600 each; the seeds are fixed, so that this cannot flake.
  for (const count of hits.values()) expect(Math.abs(count - 600)).toBeLessThan(90);
});

test('protected targets are spared, with the reason', () => {
  const all = [
    target(1, { protected: 'pid 1' }),
    target(2, { name: 'db' }),
    target(3),
    target(4, { protected: 'pid 1' }),
  ];
  const found = eligible(all, ['re2:^d', 'toy:3']);
  expect(found.eligible).toEqual([]);
  expect(found.spared).toEqual([
    { reason: 'pid 1', count: 2 },
    { reason: 'guards.protect "re2:^d"', count: 1 },
    { reason: 'guards.protect "toy:3"', count: 1 },
  ]);
});
