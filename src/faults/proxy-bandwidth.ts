import { z } from 'zod';
import { defineToxicFault } from './parts/toxic-fault.ts';

/** Lets only so much through a proxy per second; with 0 nothing. */
export default defineToxicFault({
  id: 'proxy-bandwidth',
  summary: 'Limit how much comes through a proxy per second.',
  type: 'bandwidth',
  params: { rate: z.int().min(0).max(100_000_000).describe('KB (1000 bytes) per second; 0: nothing comes through.') },
  attributes: ({ rate }) => ({ rate }),
  measure: {
    patience: ({ rate }) => (rate === 0 ? 500 : 5000),
    shows({ bytes, first, last }, { rate }, before) {
      if (before.bytes === 0) return null;
      if (rate === 0) return bytes === 0 ? 'no answer came through' : null;
      if (first === null || last === null) return null;
      const fastest = before.bytes / rate;
      // What is too little to be slowed down shows that it still comes through, and no more.
      return last >= fastest * 0.8 ? `${bytes} bytes took ${last.toFixed(0)} ms` : null;
    },
  },
});
