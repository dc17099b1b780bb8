import { defineToxic } from './toxic.ts';

/** How much may go at once, in ms of the rate. */
const slice = 100;

/** Lets `rate` KB (1000 bytes) through per second, in steps of at most 100 ms. 0: nothing comes through. */
export default defineToxic({
  type: 'bandwidth',
  struct: 'BandwidthToxic',
  attributes: { rate: { summary: 'KB per second; 0 stops everything', goType: 'int64' } },
  async pipe(stub, { rate }) {
    let due = stub.now();
    for (let chunk = await stub.take(); chunk; chunk = await stub.take()) {
      let { data } = chunk;
      // Unused time is not saved up, but what a timer was late is made good.
      due = Math.max(due, stub.now() - 10);
      while (data.length > 0) {
        const size = stub.datagrams || rate <= 0 ? data.length : Math.min(data.length, rate * slice);
        due = rate > 0 ? due + size / rate : Number.POSITIVE_INFINITY;
        const whole = await stub.sleep(due - stub.now());
        await stub.give({ data: whole ? data.subarray(0, size) : data, at: chunk.at });
        if (!whole) return;
        data = data.subarray(size);
      }
    }
  },
});
