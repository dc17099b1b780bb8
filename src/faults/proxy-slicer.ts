import { z } from 'zod';
import { defineToxicFault } from './parts/toxic-fault.ts';

/** Cuts the data through a proxy into small pieces. */
export default defineToxicFault({
  id: 'proxy-slicer',
  summary: 'Cut the data through a proxy into small pieces.',
  type: 'slicer',
  params: {
    averageSize: z.int().min(1).max(1_000_000).describe('Mean size of a piece, in bytes.'),
    sizeVariation: z
      .int()
      .min(0)
      .max(1_000_000)
      .default(0)
      .describe('Most that a piece varies by, in bytes. Default 0.'),
    delay: z.int().min(0).max(60_000_000).default(0).describe('Pause after each piece, in microseconds. Default 0.'),
  },
  attributes: ({ averageSize, sizeVariation, delay }) => ({
    average_size: averageSize,
    size_variation: sizeVariation,
    delay,
  }),
});
