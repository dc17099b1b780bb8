import { defineConfig } from 'vitest/config';
import LoudSkips from './test/loud-skips.ts';
import SecondTries from './test/second-tries.ts';

/** Tests that need a machine which can lose its power: they boot guests of lab/vm, from outside. */
export default defineConfig({
  define: { __VERSION__: JSON.stringify('0.0.0-test') },
  test: {
    reporters: ['verbose', new LoudSkips(), new SecondTries()],
    include: ['test/**/*.boot.test.ts'],
    exclude: ['node_modules/**'],
    // The guest is emulated, and boots from power-on.
    testTimeout: 900_000,
    hookTimeout: 900_000,
    retry: process.env.CI ? 1 : 0,
    pool: 'forks',
    // One guest has two processors.
    maxWorkers: 1,
  },
});
