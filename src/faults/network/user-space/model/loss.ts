import type { Rng } from '../../../../core/ports.ts';
import type { Loss } from '../../effects.ts';
import { chance } from './chance.ts';

/** Whether the next packet is lost, by the models of netem (Linux 6.12) and `statistic --mode nth` of iptables 1.8. */
export function loss(asked: Loss | undefined, rng: Rng): () => boolean {
  switch (asked?.model) {
    case undefined:
      return () => false;
    case 'random':
      return chance(asked, rng);
    case 'state':
      return fourStates(asked, rng);
    case 'gemodel':
      return gilbertElliott(asked, rng);
    case 'nth': {
      let seen = 0;
      return () => seen++ % asked.every === asked.packet;
    }
  }
}

type States = Extract<Loss, { readonly model: 'state' }>;

/** 1: all is well, 2: well within a burst, 3: lost within a burst, 4: a single loss. Begins in 1. */
function fourStates({ p13, p31, p32, p23, p14 }: States, rng: Rng): () => boolean {
  let state: 1 | 2 | 3 | 4 = 1;
  return () => {
    const drawn = rng.unit() * 100;
    switch (state) {
      case 1:
        state = drawn < p14 ? 4 : drawn < p14 + p13 ? 3 : 1;
        break;
      case 2:
        state = drawn < p23 ? 3 : 2;
        break;
      case 3:
        state = drawn < p32 ? 2 : drawn < p32 + p31 ? 1 : 3;
        break;
      case 4:
        state = 1;
    }
    return state > 2;
  };
}

type GilbertElliott = Extract<Loss, { readonly model: 'gemodel' }>;

/** Good and bad times, each with a loss of its own; a packet is judged by the time in which it came. Begins good. */
function gilbertElliott({ pg, pb, oneH, oneK }: GilbertElliott, rng: Rng): () => boolean {
  let bad = false;
  return () => {
    const was = bad;
    if (rng.unit() * 100 < (was ? pb : pg)) bad = !was;
    return rng.unit() * 100 < (was ? oneH : oneK);
  };
}
