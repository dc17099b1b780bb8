import { defineConfig } from 'vitest/config';
import LoudSkips from './test/loud-skips.ts';

/** Tests against a real Kubernetes cluster: the lab's, held for as long as this runs. */
export default defineConfig({
  define: { __VERSION__: JSON.stringify('0.0.0-test') },
  test: {
    reporters: ['default', new LoudSkips()],
    include: ['{src,test,lab,deploy,examples}/**/*.k8s.test.ts'],
    exclude: ['node_modules/**'],
    globalSetup: ['test/fixtures/kubernetes-cluster.ts'],
    testTimeout: 300_000,
    hookTimeout: 300_000,
    retry: process.env.CI ? 1 : 0,
    pool: 'forks',
    // Two nodes that tests switch off and cut off: one file after the other.
    fileParallelism: false,
  },
});
