import { spawnSync } from 'node:child_process';
import { mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { cgroupMounts, folderOf, sameCgroups } from '../cgroups.ts';
import host from '../platform.ts';
import { openProc } from '../proc.ts';
import { eventually, isRoot, needsRoot, pidsOf, replaced, start, targetOf } from '../testing.ts';
import { cgroupCapability } from './cgroup.ts';

const proc = openProc();

/** A worker of three processes, one of them busy. */
const family = `for (let i = 0; i < 2; i++) require('child_process').spawn(process.execPath, ['-e', i ? 'for(;;);' : 'setInterval(()=>{},1e6)'], {stdio: 'ignore'}); setInterval(()=>{},1e6)`;

async function beside(pid: number) {
  const cgroup = cgroupCapability(await targetOf(pid), proc);
  const tag = `test-${process.pid}-${Math.random().toString(36).slice(2)}`;
  onTestFinished(() => cgroup.stop(tag));
  return { cgroup, tag };
}

test('a worker and its children are found, measured and ended by the tag alone', async () => {
  const { cgroup, tag } = await beside((await start('sleep', ['100'])).pid);
  const { pid, inside } = await cgroup.start({ argv: [process.execPath, '-e', family], tag });
  expect(inside).toBe(true);
  await eventually(async () => (await cgroup.find(tag)).length === 3);
  expect(await cgroup.find(tag)).toContain(pid);
  expect(await cgroup.find(`${tag}x`)).toEqual([]);
  const { cpuMs, rssBytes } = await cgroup.usage(tag);
  expect(rssBytes).toBeGreaterThan(10e6);
  await eventually(async () => (await cgroup.usage(tag)).cpuMs > cpuMs + 100);
  // Another handle, as in another process, after the target is gone.
  await cgroupCapability({ platform: 'host', id: 'machine', name: 'x', identity: {} }, proc).stop(tag);
  expect(await cgroup.find(tag)).toEqual([]);
  expect(await cgroup.usage(tag)).toEqual({ cpuMs: 0, rssBytes: 0, writtenBytes: 0 });
  await cgroup.stop(tag);
});

test('a child without the tag in its environment is found too', async () => {
  const { cgroup, tag } = await beside((await start('sleep', ['100'])).pid);
  await cgroup.start({ argv: ['sh', '-c', 'env -i sleep 201 & env -i setsid -f sleep 202; exec sleep 203'], tag });
  await eventually(async () => (await pidsOf({ command: ['sleep 201', 'sleep 203'] })).length === 2);
  const pids = await cgroup.find(tag);
  expect(pids).toEqual(expect.arrayContaining([...(await pidsOf({ command: ['sleep 201', 'sleep 203'] }))]));
  await cgroup.stop(tag);
  expect(await pidsOf({ command: ['sleep 201', 'sleep 203'] })).toEqual([]);
  // A child that left session, parent and environment behind is out of reach; see the doc comment of taggedTree.
  for (const pid of await pidsOf({ command: 'sleep 202' })) process.kill(pid);
});

test('what a worker writes is counted', async () => {
  const { cgroup, tag } = await beside((await start('sleep', ['100'])).pid);
  const script = `require('fs').writeFileSync('/dev/null', Buffer.alloc(3e6)); setInterval(() => {}, 1e6)`;
  await cgroup.start({ argv: [process.execPath, '-e', script], tag });
  await eventually(async () => (await cgroup.usage(tag)).writtenBytes >= 3e6);
});

test('stopped workers are ended too', async () => {
  const { cgroup, tag } = await beside((await start('sleep', ['100'])).pid);
  const { pid } = await cgroup.start({ argv: ['sleep', '300'], tag });
  process.kill(pid, 'SIGSTOP');
  await cgroup.stop(tag);
  expect(await cgroup.find(tag)).toEqual([]);
});

test('workers are protected from faults', async () => {
  const { cgroup, tag } = await beside((await start('sleep', ['100'])).pid);
  const { pid } = await cgroup.start({ argv: ['sleep', '300'], tag });
  expect(await targetOf(pid)).toMatchObject({ protected: 'a process of Zashiki' });
});

test('a program that is not there', async () => {
  const { cgroup, tag } = await beside((await start('sleep', ['100'])).pid);
  await expect(cgroup.start({ argv: ['no-such-program-here'], tag })).rejects.toMatchObject({
    code: 'not-supported',
    message: expect.stringContaining('no-such-program-here'),
  });
});

test('a target that is gone takes no workers', async () => {
  const cgroup = cgroupCapability(replaced(await targetOf((await start('sleep', ['100'])).pid)), proc);
  await expect(cgroup.start({ argv: ['sleep', '1'], tag: 'none' })).rejects.toMatchObject({ code: 'target-gone' });
  expect(await cgroup.find('none')).toEqual([]);
});

/** A process in a cgroup of its own; undefined where none can be made. */
async function apart(): Promise<number | undefined> {
  const { pid } = await start('sleep', ['100']);
  const mounts = cgroupMounts(proc.text('self/mountinfo'));
  const line = proc.cgroup(pid).find(({ controllers }) => controllers === 'cpu' || controllers.includes('pids')) ?? {
    controllers: '',
    path: proc.cgroup(pid).find(({ controllers }) => controllers === '')?.path ?? '/',
  };
  const parent = folderOf(line, mounts);
  const folder = `${parent}/zashiki-test-${process.pid}`;
  try {
    mkdirSync(folder);
  } catch {
    return undefined;
  }
  onTestFinished(async () => {
    process.kill(pid, 'SIGKILL');
    await eventually(() => spawnSync('rmdir', [folder]).status === 0 || !isThere(folder));
  });
  writeFileSync(`${folder}/cgroup.procs`, String(pid));
  return pid;
}
const needsCgroup = `${needsRoot}: a cgroup of its own`;

test('the worker joins the cgroup of its target', async (context) => {
  const pid = isRoot ? await apart() : undefined;
  if (pid === undefined) return context.skip(needsCgroup);
  const { cgroup, tag } = await beside(pid);
  const started = await cgroup.start({ argv: [process.execPath, '-e', family], tag });
  expect(started.inside).toBe(true);
  await eventually(async () => (await cgroup.find(tag)).length === 3);
  for (const each of await cgroup.find(tag)) expect(proc.cgroup(each)).toEqual(proc.cgroup(pid));
  expect(sameCgroups(proc.cgroup(pid), proc.cgroup(process.pid))).toBe(false);
});

test('a worker that has ended by the time that we look was not left outside', async (context) => {
  const pid = isRoot ? await apart() : undefined;
  if (pid === undefined) return context.skip(needsCgroup);
  const { cgroup, tag } = await beside(pid);
  for (let round = 0; round < 30; round++) {
    expect(await cgroup.start({ argv: ['true'], tag })).toMatchObject({ inside: true });
  }
});

const isThere = (path: string) => {
  try {
    rmdirSync(path);
    return false;
  } catch (error) {
    return !String(error).includes('ENOENT');
  }
};

test('the machine itself takes workers anywhere', async () => {
  const [machine] = await host.discover({ machine: true });
  const { cgroup } = await host.attach(machine as never);
  const tag = `test-${process.pid}-machine`;
  onTestFinished(() => cgroup?.stop(tag));
  expect(await cgroup?.start({ argv: ['sleep', '300'], tag })).toMatchObject({ inside: true, cgroup: '/' });
  expect(await cgroup?.find(tag)).toHaveLength(1);
});

test('folders of cgroup hierarchies', () => {
  const mounts = cgroupMounts(
    [
      '30 24 0:26 / /sys/fs/cgroup ro,nosuid - tmpfs tmpfs ro,mode=755',
      '31 30 0:27 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw',
      '33 30 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct',
      '34 30 0:30 /docker/abc /sys/fs/cgroup/my\\040memory rw - cgroup cgroup rw,memory',
    ].join('\n'),
  );
  const at = (controllers: string, path: string) => folderOf({ controllers, path }, mounts);
  expect(at('', '/a')).toBe('/sys/fs/cgroup/unified/a');
  expect(at('', '/')).toBe('/sys/fs/cgroup/unified');
  expect(at('cpu,cpuacct', '/a/b')).toBe('/sys/fs/cgroup/cpu,cpuacct/a/b');
  expect(at('memory', '/docker/abc/x')).toBe('/sys/fs/cgroup/my memory/x');
  expect(at('memory', '/docker/abcd')).toBeUndefined();
  expect(at('', '/../other')).toBeUndefined();
  expect(at('blkio', '/')).toBeUndefined();
});
