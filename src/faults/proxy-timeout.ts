import { DurationOr } from '../core/fields.ts';
import { defineToxicFault } from './parts/toxic-fault.ts';

/** Drops all data of one direction through a proxy, and closes connections after a while. */
export default defineToxicFault({
  id: 'proxy-timeout',
  summary: 'Drop all data through a proxy; close the connection after a while, or never.',
  type: 'timeout',
  params: {
    timeout: DurationOr('0ms').describe(
      'Close when no data has come for so long; 0ms: never, until it is recovered. Default 0ms.',
    ),
  },
  attributes: ({ timeout }) => ({ timeout }),
  measure: {
    patience: ({ timeout }) => Math.max(500, timeout + 1000),
    shows({ bytes, connected }, _params, before) {
      if (before.bytes === 0) return null;
      return connected && bytes === 0 ? 'no answer came through' : null;
    },
  },
});
