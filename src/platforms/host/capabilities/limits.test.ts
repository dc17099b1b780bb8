import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { openProc } from '../proc.ts';
import { fakeTool, isRoot, replaced, startNode, targetOf } from '../testing.ts';
import { limitsCapability } from './limits.ts';

const proc = openProc();
const hasPrlimit = spawnSync('prlimit', ['--version']).status === 0;

test('a soft limit is set and set back; the hard one is never touched; it takes effect', async (context) => {
  if (!hasPrlimit) context.skip('needs prlimit (package util-linux)');
  const { pid, child } = await startNode(
    `process.on('SIGUSR2', () => { try { require('fs').openSync('/dev/null'); console.log('opened') } catch (e) { console.log(e.code) } })`,
  );
  const answers: string[] = [];
  child.stdout?.on('data', (data) => answers.push(String(data).trim()));
  const ask = async () => {
    const before = answers.length;
    process.kill(pid, 'SIGUSR2');
    for (const until = Date.now() + 20_000; answers.length === before && Date.now() < until; ) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return answers.at(-1);
  };
  const limits = limitsCapability(await targetOf(pid), proc);
  const before = await limits.read('nofile');
  expect(await ask()).toBe('opened');
  await limits.setSoft('nofile', 3);
  expect(await limits.read('nofile')).toEqual({ soft: 3, hard: before.hard });
  expect(await ask()).toBe('EMFILE');
  await limits.setSoft('nofile', before.soft);
  expect(await limits.read('nofile')).toEqual(before);
  expect(await ask()).toBe('opened');
  for (const name of ['nproc', 'as', 'fsize'] as const) {
    const limit = await limits.read(name);
    await limits.setSoft(name, limit.soft);
    expect(await limits.read(name)).toEqual(limit);
  }
});

test('a soft limit above the hard one is refused with a reason', async (context) => {
  if (!hasPrlimit) context.skip('needs prlimit (package util-linux)');
  const limits = limitsCapability(await targetOf((await startNode('')).pid), proc);
  const { hard } = await limits.read('nofile');
  await expect(limits.setSoft('nofile', hard + 1)).rejects.toMatchObject({ message: expect.stringMatching(/nofile/) });
});

test('open files are counted and numbered', async () => {
  const { pid } = await startNode('');
  const limits = limitsCapability(await targetOf(pid), proc);
  const numbers = await limits.descriptors();
  expect(numbers.slice(0, 3)).toEqual([0, 1, 2]);
  expect(await limits.openFiles()).toBe(numbers.length);
});

test('a replaced process is gone', async () => {
  const limits = limitsCapability(replaced(await targetOf((await startNode('')).pid)), proc);
  await expect(limits.read('nofile')).rejects.toMatchObject({ code: 'target-gone' });
  await expect(limits.setSoft('nofile', 3)).rejects.toMatchObject({ code: 'target-gone' });
  await expect(limits.openFiles()).rejects.toMatchObject({ code: 'target-gone' });
});

test("somebody else's process: the capability is named", async (context) => {
  if (isRoot) context.skip('needs an ordinary user');
  const limits = limitsCapability(await targetOf(1), proc);
  await expect(limits.openFiles()).rejects.toMatchObject({ code: 'permission-missing' });
  if (!hasPrlimit) context.skip('needs prlimit (package util-linux)');
  await expect(limits.setSoft('nofile', 3)).rejects.toMatchObject({
    code: 'permission-missing',
    hint: expect.stringContaining('CAP_SYS_RESOURCE'),
  });
});

test('a process that ends while prlimit starts was not changed, whatever prlimit says', async () => {
  const { pid } = await startNode('');
  const limits = limitsCapability(await targetOf(pid), proc);
  fakeTool('prlimit', `kill -9 ${pid}; while [ -d /proc/${pid} ]; do :; done; exit 0`);
  await expect(limits.setSoft('nofile', 100)).rejects.toMatchObject({ code: 'target-gone' });
});
