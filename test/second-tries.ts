import type { Reporter, TestModule } from 'vitest/node';

/** Says at the end which tests passed only when they were run again, and what they failed of before. */
export default class SecondTries implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const lines = modules.flatMap((module) =>
      [...module.children.allTests('passed')]
        .filter((test) => test.diagnostic()?.flaky)
        .map((test) => {
          const [first] = test.result().errors ?? [];
          return `  ${module.relativeModuleId} > ${test.fullName}: ${first?.message ?? 'no reason given'}`;
        }),
    );
    if (lines.length > 0) console.log(`\nRUN AGAIN ${lines.length} tests:\n${lines.join('\n')}\n`);
  }
}
