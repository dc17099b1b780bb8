import { defineConfig } from 'vitest/config';
import LoudSkips from './test/loud-skips.ts';
import SecondTries from './test/second-tries.ts';
import SlowestFirst from './test/slowest-first.ts';

/** Tests against a real Docker engine: the lab's private one, held for as long as this runs. */
export default defineConfig({
  define: { __VERSION__: JSON.stringify('0.0.0-test') },
  test: {
    reporters: ['default', new LoudSkips(), new SecondTries()],
    include: ['{src,test,lab,examples}/**/*.docker.test.ts'],
    exclude: ['node_modules/**'],
    globalSetup: ['test/fixtures/docker-engine.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    retry: process.env.CI ? 1 : 0,
    pool: 'forks',
    fileParallelism: true,
    sequence: { sequencer: SlowestFirst },
    maxWorkers: 2,
  },
});
