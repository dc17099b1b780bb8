import { defineToxic } from './toxic.ts';

/**
 * Drops all data and closes the connection when none has come for `timeout` ms; with 0 it stays open until the toxic is
 * taken off, which closes it. The end of the stream passes, as in Toxiproxy v2.12.
 */
export default defineToxic({
  type: 'timeout',
  struct: 'TimeoutToxic',
  attributes: { timeout: { summary: 'close after so many ms; 0 never', goType: 'int64' } },
  closesWhenRemoved: true,
  async pipe(stub, { timeout }) {
    for (;;) {
      const chunk = timeout > 0 ? await stub.takeWithin(timeout) : await stub.take();
      if (stub.interrupted) return;
      if (!chunk) return stub.cut();
    }
  },
});
