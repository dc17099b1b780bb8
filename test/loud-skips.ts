import type { Reporter, TestModule } from 'vitest/node';

/** Says at the end which tests did not run, and why: a skip that nobody sees is a test that nobody has. */
export default class LoudSkips implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const lines = modules.flatMap((module) =>
      [...module.children.allTests('skipped')].map((skipped) => {
        const result = skipped.result();
        const why = result.state === 'skipped' ? (result.note ?? 'not run here') : '';
        return `  ${module.relativeModuleId} > ${skipped.fullName}: ${why}`;
      }),
    );
    if (lines.length > 0) console.log(`\nSKIPPED ${lines.length} tests:\n${lines.join('\n')}\n`);
  }
}
