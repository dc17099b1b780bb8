import { spawnSync } from 'node:child_process';
import { accessSync, constants, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const main = join(import.meta.dirname, '../../dist/cli/main.cjs');

test('the built program starts by itself, without node in front', () => {
  accessSync(main, constants.X_OK);
  const { status, stdout, stderr } = spawnSync(main, ['--help'], { encoding: 'utf8' });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toContain('Usage: zashiki COMMAND');
});

test.each([
  ['nightmare-monkey', /^Nightmare Monkey version 0\.0\.1 \(rev:73977f3\)\n$/],
  ['pumba', /^Pumba version 1\.1\.7 - \[zashiki:\d+\.\d+\.\d+\S*\] none\n$/],
])('called as %s it is that tool', (name, version) => {
  const folder = mkdtempSync(join(tmpdir(), 'zashiki-name-'));
  try {
    const link = join(folder, name);
    symlinkSync(main, link);
    const { status, stdout } = spawnSync(link, ['--version'], { encoding: 'utf8' });
    expect(stdout).toMatch(version);
    expect(status).toBe(0);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
