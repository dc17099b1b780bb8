import type { Rng } from '../../core/ports.ts';
import { defineToxic, spread } from './toxic.ts';

/** Cuts data into pieces of `average_size` ± `size_variation` bytes, `delay` microseconds apart. */
export default defineToxic({
  type: 'slicer',
  struct: 'SlicerToxic',
  attributes: {
    average_size: { summary: 'mean size of a piece, in bytes', goType: 'int' },
    size_variation: { summary: 'most that a piece varies by, in bytes', goType: 'int' },
    delay: { summary: 'pause after each piece, in microseconds', goType: 'int' },
  },
  async pipe(stub, { average_size, size_variation, delay }) {
    for (let chunk = await stub.take(); chunk; chunk = await stub.take()) {
      const { data, at } = chunk;
      const ends = stub.datagrams ? [data.length] : pieces(0, data.length, average_size, size_variation, stub.rng);
      let from = 0;
      for (const end of ends) {
        await stub.give({ data: data.subarray(from, end), at });
        from = end;
        if (await stub.sleep(delay / 1000)) continue;
        if (from < data.length) await stub.give({ data: data.subarray(from), at });
        return;
      }
    }
  },
});

/** Where each piece ends: halved, give or take, until it is small enough; never smaller than a byte. */
function pieces(start: number, end: number, average: number, variation: number, rng: Rng): readonly number[] {
  const size = end - start;
  if (size <= Math.max(1, average + variation)) return [end];
  const middle = start + Math.floor(size / 2) + spread(rng, variation);
  const border = Math.min(end - 1, Math.max(start + 1, middle));
  return [...pieces(start, border, average, variation, rng), ...pieces(border, end, average, variation, rng)];
}
