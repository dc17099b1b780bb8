import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { bundleOf, bundleTests } from './bundle.ts';

test('a test and what it imports are one file, in which every module has its path in the guest', async () => {
  const checkout = mkdtempSync(join(tmpdir(), 'zashiki-bundle-'));
  onTestFinished(() => rmSync(checkout, { recursive: true }));
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(checkout, path)), { recursive: true });
    writeFileSync(join(checkout, path), text);
  };
  write(
    'src/a.vm.test.ts',
    "import { deep } from './deep/b.ts';\nconsole.log(import.meta.dirname, deep, __VERSION__);",
  );
  write('src/deep/b.ts', 'export const deep: readonly string[] = [import.meta.url, import.meta.filename];');
  const files = await bundleTests(checkout, ['src/a.vm.test.ts'], '/there');
  expect(files.map(({ path }) => path)).toEqual([bundleOf('src/a.vm.test.ts')]);
  const input = Buffer.from(files[0]?.bytes ?? []);
  expect(execFileSync(process.execPath, ['--input-type=module', '-'], { input, encoding: 'utf8' })).toBe(
    "/there/src [ 'file:///there/src/deep/b.ts', '/there/src/deep/b.ts' ] 0.0.0-test\n",
  );
});
