import { defineConfig } from 'vitest/config';
import LoudSkips from './test/loud-skips.ts';
import SecondTries from './test/second-tries.ts';
import Slowest from './test/slowest.ts';
import SlowestFirst from './test/slowest-first.ts';

/**
 * Tests against real Kubernetes clusters of the lab, held for as long as this runs. Nodes are switched off and drained
 * in some, so each worker has a cluster of its own; with a name (ZASHIKI_LAB_KUBERNETES) there is that one.
 */
export default defineConfig({
  define: { __VERSION__: JSON.stringify('0.0.0-test') },
  test: {
    reporters: ['default', new LoudSkips(), new SecondTries(), new Slowest()],
    include: ['{src,test,lab,deploy,examples}/**/*.k8s.test.ts'],
    exclude: ['node_modules/**'],
    globalSetup: ['test/fixtures/kubernetes-cluster.ts'],
    setupFiles: ['test/fixtures/kubernetes-worker.ts'],
    testTimeout: 300_000,
    hookTimeout: 300_000,
    retry: process.env.CI ? 1 : 0,
    pool: 'forks',
    fileParallelism: true,
    sequence: { sequencer: SlowestFirst },
    maxWorkers: process.env.ZASHIKI_LAB_KUBERNETES ? 1 : 2,
  },
});
