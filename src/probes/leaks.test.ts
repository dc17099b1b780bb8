import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';

test('no reading leaves a socket, a timer or a process behind: a program that read every probe ends by itself', async () => {
  const child = spawn(process.execPath, ['--import', 'tsx', join(import.meta.dirname, 'parts/leaks.fixture.ts')], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: 25_000,
    killSignal: 'SIGKILL',
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk;
  });
  const code = await new Promise((resolve) => child.on('close', resolve));
  const ends = output.trim().split('\n');
  expect(code).toBe(0);
  expect(ends.filter((end) => end === 'stopped')).toHaveLength(4);
  expect(ends.filter((end) => end.includes('100 ms'))).toHaveLength(3);
  expect(ends.filter((end) => end === 'read')).toHaveLength(5);
});
