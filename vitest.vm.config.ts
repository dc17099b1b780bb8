import { join } from 'node:path';
import { defineConfig } from 'vitest/config';
import LoudSkips from './test/loud-skips.ts';
import SecondTries from './test/second-tries.ts';

// Said by `npm run test:vm`: which tests, and where the results go.
const { ZASHIKI_VM_TESTS: kind = 'vm', ZASHIKI_VM_RESULTS: results, ZASHIKI_VM_BUNDLED: bundled } = process.env;

/** Tests that need a whole kernel, systemd or cgroup v2. `npm run test:vm` runs this inside a guest of lab/vm. */
export default defineConfig({
  define: { __VERSION__: JSON.stringify('0.0.0-test') },
  test: {
    // Each test is told when it ends: what hangs is the one that is not shown.
    reporters: ['verbose', new LoudSkips(), new SecondTries(), ...(results ? ['junit'] : [])],
    ...(results ? { outputFile: { junit: join(results, 'junit.xml') } } : {}),
    // Bundled outside by `npm run test:vm`; as they are where somebody calls vitest in a guest by hand.
    include: [`{src,test,lab,deploy,examples}/**/*.${bundled ? '{vm,docker}.test.mjs' : `${kind}.test.ts`}`],
    ...(bundled ? { experimental: { viteModuleRunner: false, nodeLoader: false } } : {}),
    exclude: ['node_modules/**'],
    // The guest is emulated: JavaScript is five to eight times slower there.
    testTimeout: 600_000,
    hookTimeout: 600_000,
    retry: process.env.CI ? 1 : 0,
    pool: 'forks',
    // The guest has two processors.
    maxWorkers: 2,
  },
});
