import { defineToxic } from './toxic.ts';

/** Lets `bytes` bytes through on each link, then closes the connection. */
export default defineToxic({
  type: 'limit_data',
  struct: 'LimitDataToxic',
  attributes: { bytes: { summary: 'how many bytes come through', goType: 'int64' } },
  async pipe(stub, { bytes }) {
    for (let chunk = await stub.take(); chunk; chunk = await stub.take()) {
      const left = Math.max(0, bytes - stub.memory.bytes);
      // Half a datagram is none.
      const size = stub.datagrams && chunk.data.length > left ? 0 : Math.min(left, chunk.data.length);
      stub.memory.bytes += stub.datagrams ? chunk.data.length : size;
      if (size > 0) await stub.give({ data: chunk.data.subarray(0, size), at: chunk.at });
      if (stub.memory.bytes >= bytes) return stub.cut();
    }
  },
});
