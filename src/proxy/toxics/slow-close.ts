import { defineToxic } from './toxic.ts';

/** Data passes; the end of the stream waits for `delay` ms. */
export default defineToxic({
  type: 'slow_close',
  struct: 'SlowCloseToxic',
  attributes: { delay: { summary: 'how long the end is held back, in ms', goType: 'int64' } },
  async pipe(stub, { delay }) {
    for (let chunk = await stub.take(); chunk; chunk = await stub.take()) await stub.give(chunk);
    if (!stub.interrupted) await stub.sleep(delay);
  },
});
