import { createHash } from 'node:crypto';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import type { Rng } from './ports.ts';

/** A generator for `seed` and a purpose, e.g. a step's path: two purposes never share their draws. */
export function seededRng(seed: number, purpose = ''): Rng {
  const digest = createHash('sha256').update(`${seed}\n${purpose}`).digest();
  const generator = xoroshiro128plus(digest.readInt32LE(0));
  return {
    below: (n) => uniformInt(generator, 0, n - 1),
    unit: () => uniformInt(generator, 0, 0x7fffffff) / 0x80000000,
  };
}

/** A new seed, 31 bits, from the system's entropy or a given source. */
export function drawSeed(random: () => number = Math.random): number {
  return Math.floor(random() * 0x7fffffff);
}
