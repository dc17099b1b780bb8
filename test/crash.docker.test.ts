import { execFile } from 'node:child_process';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { dockerHost, unable } from './fixtures/docker.ts';

const run = promisify(execFile);

/** A short one: each fault that containers know, killed once. `npm run test:crash:docker` is the long one. */
test('every fault on a container is undone after a crash', { timeout: 600_000, retry: 0 }, async (context) => {
  if (unable) return context.skip(unable);
  const main = join(import.meta.dirname, 'crash/main.ts');
  const args = ['--import', 'tsx', main, '--platform=docker', '--points=16', '--lanes=2'];
  const env = { ...process.env, DOCKER_HOST: dockerHost() };
  const { stdout } = await run(process.execPath, args, { env, cwd: resolve(import.meta.dirname, '..') }).catch(
    (error: { stdout: string; stderr: string }) => Promise.reject(new Error(`${error.stdout}\n${error.stderr}`)),
  );
  expect(stdout).toMatch(/\b(1[6-9]|2\d) passed, 0 failed/);
});
