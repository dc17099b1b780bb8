import { defineToxic } from './toxic.ts';

/** Breaks the connection off with RST, `timeout` ms after the first data (or the end) came. The data is dropped. */
export default defineToxic({
  type: 'reset_peer',
  struct: 'ResetToxic',
  attributes: { timeout: { summary: 'how long after the first data, in ms', goType: 'int64' } },
  async pipe(stub, { timeout }) {
    const first = await stub.take();
    if (stub.interrupted && !first) return;
    if (await stub.sleep(timeout)) return stub.cut('reset');
    if (first) await stub.give(first);
  },
});
