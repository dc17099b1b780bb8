import type { Reporter, TestModule } from 'vitest/node';

/** Says at the end where the time went: each file, and the tests that took longest. */
export default class Slowest implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const files = modules.map((module) => ({ ms: module.diagnostic().duration, name: module.relativeModuleId }));
    const tests = modules.flatMap((module) =>
      [...module.children.allTests()].map((test) => ({
        ms: test.diagnostic()?.duration ?? 0,
        name: `${module.relativeModuleId} > ${test.fullName}`,
      })),
    );
    console.log(`\nSLOWEST of ${tests.length} tests:\n${list(tests, 12)}\n\nFILES:\n${list(files, 100)}\n`);
  }
}

function list(all: readonly { readonly ms: number; readonly name: string }[], count: number): string {
  const sorted = [...all].sort((a, b) => b.ms - a.ms).slice(0, count);
  return sorted.map(({ ms, name }) => `${(ms / 1000).toFixed(1).padStart(8)} s  ${name}`).join('\n');
}
