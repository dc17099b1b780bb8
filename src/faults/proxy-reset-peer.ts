import { DurationOr } from '../core/fields.ts';
import { defineToxicFault } from './parts/toxic-fault.ts';

/** Breaks connections through a proxy off with RST. */
export default defineToxicFault({
  id: 'proxy-reset-peer',
  summary: 'Break connections through a proxy off with RST.',
  type: 'reset_peer',
  params: { timeout: DurationOr('0ms').describe('How long after the first data. Default 0ms.') },
  attributes: ({ timeout }) => ({ timeout }),
  measure: {
    patience: ({ timeout }) => timeout + 5000,
    shows: ({ reset, over }) => (reset ? `it was reset after ${over?.toFixed(0)} ms` : null),
  },
});
