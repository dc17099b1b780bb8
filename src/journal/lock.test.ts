import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { isError } from '../core/errors.ts';
import { buildFixture, start, temporaryFolder, until } from './fixtures/fixtures.ts';
import { ownIdentity } from './identity.ts';
import { lockHolder, withLock } from './lock.ts';

let folder = '';
let remove = () => {};
beforeEach(() => {
  ({ folder, remove } = temporaryFolder());
});
afterEach(() => remove());

test('one at a time, in one process too', async () => {
  let inside = 0;
  let most = 0;
  const work = async () => {
    most = Math.max(most, ++inside);
    await new Promise((resolve) => setTimeout(resolve, 2));
    inside--;
  };
  await Promise.all(Array.from({ length: 20 }, () => withLock(folder, 'x', work)));
  expect(most).toBe(1);
  expect(lockHolder(folder, 'x')).toBeNull();
});

test('it is free again when the work throws', async () => {
  const failing = withLock(folder, 'x', async () => {
    throw new Error('on purpose');
  });
  await expect(failing).rejects.toThrow('on purpose');
  expect(await withLock(folder, 'x', async () => 'in', { timeoutMs: 0 })).toBe('in');
});

test('a busy lock names its holder', async () => {
  await withLock(folder, 'x', async () => {
    expect(lockHolder(folder, 'x')).toMatchObject({ pid: process.pid });
    const second = withLock(folder, 'x', async () => {}, { timeoutMs: 50 });
    const error = await second.catch((thrown: unknown) => thrown);
    expect(isError(error, 'lock-busy')).toBe(true);
    expect((error as Error).message).toContain(`process ${process.pid} has held the lock "x"`);
  });
});

test('a lock that goes from hand to hand is not held for too long by anybody', async () => {
  const briefly = () => new Promise((resolve) => setTimeout(resolve, 30));
  const all = Array.from({ length: 12 }, () => withLock(folder, 'x', briefly, { timeoutMs: 200 }));
  await expect(Promise.all(all)).resolves.toHaveLength(12);
});

test('waiting ends with the signal', async () => {
  await withLock(folder, 'x', async () => {
    const stop = new AbortController();
    const second = withLock(folder, 'x', async () => {}, { signal: stop.signal });
    stop.abort(new Error('enough'));
    await expect(second).rejects.toThrow();
  });
});

test('a dead owner is followed: other pid, other start time, other boot, rubbish', async () => {
  const me = ownIdentity();
  const boot = me.bootId.replaceAll('-', '');
  const dead = [
    `4194303:1:${boot}`,
    `${me.pid}:1:${boot}`,
    `${me.pid}:${me.startTime}:0123456789abcdef`,
    'rubbish',
    'free',
  ];
  for (const [index, text] of dead.entries()) {
    symlinkSync(text, join(folder, `d${index}.lock.41`));
    expect(await withLock(folder, `d${index}`, async () => 'in', { timeoutMs: 0 })).toBe('in');
    expect(readdirSync(folder)).toContain(`d${index}.lock.42`);
  }
});

test('a holder in another pid namespace is waited for while it lives, and followed when it was killed', async (ctx) => {
  if (process.getuid?.() !== 0) ctx.skip('needs root: a pid namespace of its own');
  const program = await buildFixture('holder', folder);
  const apart = ['--pid', '--fork', '--mount-proc', '--kill-child', process.execPath, program, folder];
  const child = spawn('unshare', apart, { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  const busy = withLock(folder, 'x', async () => {}, { timeoutMs: 100 });
  await expect(busy).rejects.toMatchObject({
    code: 'lock-busy',
    message: expect.stringMatching(/of another container/),
  });
  expect(lockHolder(folder, 'x')).not.toBeNull();
  // Its pid is that of some living process here, and still it is not taken for that one.
  const waiting = withLock(folder, 'x', async () => 'in');
  const killed = once(child, 'exit');
  child.kill('SIGKILL');
  await killed;
  expect(await waiting).toBe('in');
  expect(readdirSync(folder).filter((name) => name.includes('.life.'))).toEqual([]);
});

test('two pid namespaces at a time: no addition is lost', async (ctx) => {
  if (process.getuid?.() !== 0) ctx.skip('needs root: pid namespaces of their own');
  const program = await buildFixture('locker', folder);
  const file = join(folder, 'number');
  writeFileSync(file, '0');
  const all = Array.from({ length: 3 }, () => {
    const argv = ['--pid', '--fork', '--mount-proc', '--kill-child', process.execPath, program, folder, file, '15'];
    const child = spawn('unshare', argv, { stdio: 'ignore' });
    onTestFinished(() => void child.kill('SIGKILL'));
    return once(child, 'exit');
  });
  expect(await Promise.all(all)).toEqual(all.map(() => [0, null]));
  expect(readFileSync(file, 'utf8')).toBe('45');
}, 60_000);

test('old numbers are cleared away', async () => {
  for (let round = 0; round < 30; round++) await withLock(folder, 'x', async () => {});
  const left = readdirSync(folder).map((name) => Number(name.split('.').at(-1)));
  expect(Math.max(...left)).toBe(60);
  expect(left.length).toBeLessThan(15);
});

test('the text of a lock fits into an inode', async () => {
  await withLock(folder, 'x', async () => {
    const { readlinkSync } = await import('node:fs');
    expect(readlinkSync(join(folder, 'x.lock.1')).length).toBeLessThan(60);
  });
});

test('a missing folder is state-unwritable', async () => {
  const error = await withLock(join(folder, 'none'), 'x', async () => {}).catch((thrown: unknown) => thrown);
  expect(isError(error, 'state-unwritable')).toBe(true);
});

test('eight processes, some killed while they hold it: no addition is lost', async () => {
  const program = await buildFixture('locker', folder);
  const file = join(folder, 'number');
  writeFileSync(file, '0');
  const rounds = 25;
  const steady = Array.from({ length: 6 }, () => start(program, [folder, file, String(rounds)]));
  let killed = 0;
  const doomed = [0, 1].map(async () => {
    let lines: readonly string[] = [];
    for (let life = 0; life < 6; life++) {
      const child = start(program, [folder, file, '1000']);
      await child.says('in');
      await until('a few more', () => child.lines.length > life * 2);
      child.process.kill('SIGKILL');
      expect(await child.ended).toBe('SIGKILL');
      killed++;
      lines = [...lines, ...child.lines];
    }
    return lines;
  });
  const told = (await Promise.all(doomed)).flat();
  expect(await Promise.all(steady.map((child) => child.ended))).toEqual(steady.map(() => 0));
  const additions = [...told, ...steady.flatMap((child) => child.lines)].filter((line) => line.startsWith('added'));
  const total = Number(readFileSync(file, 'utf8'));
  expect(killed).toBe(12);
  // A process may die after its addition and before it tells of it; never the other way round.
  expect(new Set(additions).size).toBe(additions.length);
  expect(total).toBeGreaterThanOrEqual(additions.length);
  expect(total - additions.length).toBeLessThanOrEqual(killed);
  expect(lockHolder(folder, 'fuzz')).toBeNull();
}, 120_000);
