import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openProc } from '../proc.ts';
import { fakeTool, folder, isRoot, replaced, start, startNode, targetOf } from '../testing.ts';
import { priorityCapability } from './priority.ts';

const proc = openProc();
const hasIonice = spawnSync('ionice', ['--version']).status === 0;

test('every thread is read and written, the main one first', async () => {
  const { pid } = await startNode('');
  const priority = priorityCapability(await targetOf(pid), proc);
  const before = await priority.read();
  expect(before.length).toBeGreaterThan(1);
  expect(before[0]?.tid).toBe(pid);
  await priority.write(before.map((thread) => ({ ...thread, nice: thread.nice + 5 })));
  expect((await priority.read()).map(({ nice }) => nice)).toEqual(before.map(({ nice }) => nice + 5));
  expect(getPriority(pid)).toBe((before[0]?.nice ?? 0) + 5);

  if ((await priority.cannotRestore(before[0]?.nice ?? 0)) === null) {
    await priority.write(before);
    expect(await priority.read()).toEqual(before);
  } else {
    await expect(priority.write(before)).rejects.toMatchObject({
      code: 'permission-missing',
      hint: expect.stringContaining('CAP_SYS_NICE'),
    });
  }
});

test('I/O priority is set and set back', async (context) => {
  if (!hasIonice) context.skip('needs ionice (package util-linux)');
  const { pid } = await startNode('');
  const priority = priorityCapability(await targetOf(pid), proc);
  const before = await priority.read();
  const lowest = before.map((thread) => ({ ...thread, ioClass: 'best-effort' as const, ioLevel: 7 }));
  await priority.write(lowest);
  expect(await priority.read()).toEqual(lowest);
  const idle = before.map((thread) => ({ ...thread, ioClass: 'idle' as const, ioLevel: 0 }));
  await priority.write(idle);
  expect(await priority.read()).toEqual(idle);
  await priority.write(before);
  expect(await priority.read()).toEqual(before);
});

test('threads that have ended are skipped', async () => {
  const { pid } = await start('sleep', ['100']);
  const priority = priorityCapability(await targetOf(pid), proc);
  const threads = await priority.read();
  expect(threads).toHaveLength(1);
  await priority.write([...threads, { tid: 4_000_000, nice: 3, ioClass: 'idle', ioLevel: 0 }]);
  expect(await priority.read()).toEqual(threads);
});

test('what could not be undone is known before', async () => {
  const { pid } = await start('sleep', ['100']);
  const priority = priorityCapability(await targetOf(pid), proc);
  const reason = await priority.cannotRestore(-20);
  if (isRoot) expect(reason).toBeNull();
  else expect(reason).toMatch(/CAP_SYS_NICE.*RLIMIT_NICE/);
});

test('a replaced process is gone', async () => {
  const target = await targetOf((await start('sleep', ['100'])).pid);
  const threads = await priorityCapability(target, proc).read();
  const priority = priorityCapability(replaced(target), proc);
  await expect(priority.read()).rejects.toMatchObject({ code: 'target-gone' });
  await expect(priority.write(threads)).rejects.toMatchObject({ code: 'target-gone' });
});

test('the main thread comes first, also when its number is not the lowest', async () => {
  const { pid } = await startNode('');
  // As it is once pids have begun again from the bottom: later threads have lower numbers.
  const wrapped = { ...proc, numbers: (...of: Parameters<typeof proc.numbers>) => [...proc.numbers(...of)].reverse() };
  const threads = await priorityCapability(await targetOf(pid), wrapped).read();
  expect(threads.length).toBeGreaterThan(1);
  expect(threads[0]?.tid).toBe(pid);
});

test('no thread of a process that has ended meanwhile is touched', async () => {
  const { pid } = await startNode('');
  const target = await targetOf(pid);
  const calls = join(folder(), 'calls');
  fakeTool(
    'ionice',
    `if [ "$1" = -p ]; then shift; for i; do echo 'none: prio 0'; done; exit 0; fi
     echo "$@" >> '${calls}'; kill -9 ${pid}; while [ -d /proc/${pid} ]; do :; done; exit 0`,
  );
  const priority = priorityCapability(target, proc);
  const idle = (await priority.read()).map((thread) => ({ ...thread, ioClass: 'idle' as const }));
  expect(idle.length).toBeGreaterThan(1);
  await expect(priority.write(idle)).rejects.toMatchObject({ code: 'target-gone' });
  // The first call ended it: none may follow.
  expect(readFileSync(calls, 'utf8').trim().split('\n')).toHaveLength(1);
});
