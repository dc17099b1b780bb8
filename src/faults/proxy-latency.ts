import { Duration, DurationOr } from '../core/fields.ts';
import { defineToxicFault } from './parts/toxic-fault.ts';

/** Delays all data of one direction through a proxy. */
export default defineToxicFault({
  id: 'proxy-latency',
  summary: 'Delay the data through a proxy.',
  type: 'latency',
  params: {
    latency: Duration.describe('How long data is delayed.'),
    jitter: DurationOr('0ms').describe('Most that the delay varies by, up or down. Default 0ms.'),
  },
  attributes: ({ latency, jitter }) => ({ latency, jitter }),
  measure: {
    patience: ({ latency, jitter }) => latency + jitter + 5000,
    shows({ first }, { latency, jitter }) {
      // A timer may go off a little early.
      const least = Math.max(1, latency - jitter - 2);
      return first !== null && first >= least ? `the first byte came after ${first.toFixed(0)} ms` : null;
    },
  },
});
