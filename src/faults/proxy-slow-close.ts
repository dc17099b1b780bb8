import { Duration } from '../core/fields.ts';
import { defineToxicFault } from './parts/toxic-fault.ts';

/** Holds back the end of connections through a proxy. */
export default defineToxicFault({
  id: 'proxy-slow-close',
  summary: 'Hold back the end of connections through a proxy.',
  type: 'slow_close',
  params: { delay: Duration.describe('How long the end is held back.') },
  attributes: ({ delay }) => ({ delay }),
  measure: {
    without: { hangUp: true },
    patience: ({ delay }) => delay + 5000,
    shows({ over }, { delay }, before) {
      // A server that does not hang up when we do says nothing about it.
      if (before.over === null) return 'it is on; the server does not end when its client does, so it was not measured';
      return over !== null && over >= delay - 2 ? `the end came after ${over.toFixed(0)} ms` : null;
    },
  },
});
