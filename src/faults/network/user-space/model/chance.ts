import type { Rng } from '../../../../core/ports.ts';
import type { Chance } from '../../effects.ts';

/**
 * Random numbers in [0, 1), each leaning on the one before, as in netem (Linux 6.12): new × (1 − c) + last × c. As
 * there, a correlation narrows the spread, so that a chance far from 50 % comes out lower or higher than asked for.
 */
export function correlated(percent: number, rng: Rng): () => number {
  const rho = percent / 100;
  if (rho === 0) return () => rng.unit();
  let last = rng.unit();
  return () => {
    last = rng.unit() * (1 - rho) + last * rho;
    return last;
  };
}

/** Whether it happens to the next packet. 0 never, 100 always; absent: never, and nothing is drawn. */
export function chance(asked: Chance | undefined, rng: Rng): () => boolean {
  if (!asked || asked.percent === 0) return () => false;
  const next = correlated(asked.correlation, rng);
  return () => next() < asked.percent / 100;
}
