import { defineToxic, spread } from './toxic.ts';

const mebibyte = 1024 * 1024;

/** Delays all data by `latency` ± `jitter` ms. Order is kept; up to 16 MiB wait on each link. */
export default defineToxic({
  type: 'latency',
  struct: 'LatencyToxic',
  attributes: {
    latency: { summary: 'delay in ms', goType: 'int64' },
    jitter: { summary: 'most that the delay varies by, up or down, in ms', goType: 'int64' },
  },
  buffer: 16 * mebibyte,
  async pipe(stub, { latency, jitter }) {
    for (let chunk = await stub.take(); chunk; chunk = await stub.take()) {
      const due = chunk.at + latency + spread(stub.rng, jitter);
      const whole = await stub.sleep(due - stub.now());
      // The next toxic counts from here, or its delay would overlap with ours.
      await stub.give({ data: chunk.data, at: whole ? Math.max(due, chunk.at) : chunk.at });
      if (!whole) return;
    }
  },
});
