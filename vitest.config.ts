import { defineConfig } from 'vitest/config';
import LoudSkips from './test/loud-skips.ts';
import SecondTries from './test/second-tries.ts';

export default defineConfig({
  define: { __VERSION__: JSON.stringify('0.0.0-test') },
  test: {
    reporters: ['default', new LoudSkips(), new SecondTries()],
    include: ['src/**/*.test.ts', 'test/**/*.test.ts', 'examples/**/*.test.ts', 'lab/**/*.test.ts'],
    exclude: ['test/crash/**', 'node_modules/**', '**/*.{docker,vm,boot,k8s}.test.ts'],
    // Two cores are shared by everything: a slow machine is no failure.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    retry: process.env.CI ? 1 : 0,
    pool: 'forks',
    fileParallelism: true,
    maxWorkers: 2,
  },
});
