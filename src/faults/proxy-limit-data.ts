import { Bytes } from '../core/fields.ts';
import { defineToxicFault } from './parts/toxic-fault.ts';

/** Closes each connection through a proxy after so many bytes. */
export default defineToxicFault({
  id: 'proxy-limit-data',
  summary: 'Close each connection through a proxy after so many bytes.',
  type: 'limit_data',
  params: { bytes: Bytes.describe('How much comes through on each connection.') },
  attributes: ({ bytes }) => ({ bytes }),
  measure: {
    patience: () => 2000,
    shows({ bytes, over }, { bytes: most }, before) {
      if (before.bytes <= most) return `it is on; the answer of ${before.bytes} bytes is within the limit`;
      return bytes <= most && over !== null ? `closed after ${bytes} bytes` : null;
    },
  },
});
