import { closeSync, openSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { ProcessImage } from '../../../capabilities/respawn.ts';
import { openProc } from '../proc.ts';
import { endAfter, eventually, folder, isRoot, needsRoot, replaced, start, startNode, targetOf } from '../testing.ts';
import { respawnCapability } from './respawn.ts';
import { systemUnit } from './systemd.ts';

const proc = openProc();
const tagOf = (name: string) => `test-${process.pid}-${Date.now()}.${name}`;

async function again(pid: number, tag: string): Promise<{ image: ProcessImage; next: number }> {
  const target = await targetOf(pid);
  const respawn = respawnCapability(target, proc);
  const image = await respawn.image();
  expect(JSON.parse(JSON.stringify(image))).toEqual(image);
  process.kill(pid, 'SIGKILL');
  await eventually(() => !proc.pids().includes(pid));
  const next = await respawn.start(image, tag);
  endAfter(next);
  return { image, next };
}

test('arguments, argv[0], environment, folder, umask, open files and log are kept', async () => {
  const at = realpathSync(folder());
  const log = join(at, 'the log');
  const script = join(at, 'my script.js');
  writeFileSync(script, `console.log('started'); process.umask(0o027); setInterval(() => {}, 1e6)`);
  const fd = openSync(log, 'a');
  const { pid } = await start(process.execPath, [script, 'a b', '', 'ねずみ', '$(x)'], {
    argv0: 'odd name',
    cwd: at,
    env: { PATH: '/usr/bin:/bin', ONLY: 'x y=z', EMPTY: '' },
    stdio: ['ignore', fd, fd],
  });
  closeSync(fd);
  await eventually(() => readFileSync(log, 'utf8') === 'started\n' && proc.status(pid).umask === 0o027);
  const tag = tagOf('all');
  const { next } = await again(pid, tag);

  expect(proc.argv(next)).toEqual(['odd name', script, 'a b', '', 'ねずみ', '$(x)']);
  expect({ ...proc.environ(next) }).toEqual({ PATH: '/usr/bin:/bin', ONLY: 'x y=z', EMPTY: '', ZASHIKI_RESPAWN: tag });
  expect(proc.link(next, 'cwd')).toBe(at);
  expect(proc.link(next, 'exe')).toBe(realpathSync(process.execPath));
  expect(proc.stat(next).session).toBe(next);
  expect(proc.status(next).umask).toBe(0o027);
  await eventually(() => readFileSync(log, 'utf8') === 'started\nstarted\n');
  expect(process.umask()).not.toBe(0o027);
});

test('a second start of the same tag finds the first', async () => {
  const { pid } = await start('sleep', ['100']);
  const tag = tagOf('twice');
  const target = await targetOf(pid);
  const respawn = respawnCapability(target, proc);
  expect(await respawn.find(tag)).toBeNull();
  const { image, next } = await again(pid, tag);
  expect(await respawn.start(image, tag)).toBe(next);
  expect(await respawnCapability(target, proc).find(tag)).toBe(next);
  const other = await respawn.start(image, tagOf('other'));
  endAfter(other);
  expect(other).not.toBe(next);
  process.kill(next, 'SIGKILL');
  await eventually(async () => (await respawn.find(tag)) === null);
});

test('the soft limit on open files is kept', async () => {
  const { pid } = await start('sh', ['-c', 'ulimit -S -n 100; exec sleep 100']);
  await eventually(() => proc.limits(pid)['Max open files']?.soft === 100 && proc.stat(pid).comm === 'sleep');
  const { next } = await again(pid, tagOf('nofile'));
  expect(proc.limits(next)['Max open files']).toEqual({
    soft: 100,
    hard: proc.limits(process.pid)['Max open files']?.hard,
  });
});

test('a start that was cut right after the process began is completed by the next one', async () => {
  const { pid } = await start('sh', ['-c', 'ulimit -S -n 100; exec sleep 100']);
  await eventually(() => proc.limits(pid)['Max open files']?.soft === 100 && proc.stat(pid).comm === 'sleep');
  const image = await respawnCapability(await targetOf(pid), proc).image();
  const tag = tagOf('cut');
  const begun = await start('sleep', ['100'], { env: { PATH: process.env.PATH, ZASHIKI_RESPAWN: tag } });
  expect(proc.limits(begun.pid)['Max open files']?.soft).not.toBe(100);
  expect(await respawnCapability(await targetOf(pid), proc).start(image, tag)).toBe(begun.pid);
  expect(proc.limits(begun.pid)['Max open files']?.soft).toBe(100);
});

test('the user and the groups are kept', async (context) => {
  if (!isRoot) context.skip(`${needsRoot}: another user's process`);
  const plain = await start('sleep', ['100'], { uid: 65534, gid: 65534, cwd: '/' });
  const first = await again(plain.pid, tagOf('user'));
  expect(proc.status(first.next)).toMatchObject({ realUid: 65534, uid: 65534, realGid: 65534, groups: [] });
  const args = ['--reuid=65534', '--regid=65534', '--groups=65534,100', 'sleep', '100'];
  const grouped = await start('setpriv', args, { cwd: '/' });
  await eventually(() => proc.stat(grouped.pid).comm === 'sleep');
  const second = await again(grouped.pid, tagOf('groups'));
  await eventually(() => proc.stat(second.next).comm === 'sleep');
  expect(proc.status(second.next)).toMatchObject({ uid: 65534, realGid: 65534, groups: [100, 65534] });
});

test('a command line that was written over is refused', async () => {
  const { pid } = await startNode(`process.title = 'server: worker 3'`);
  await expect(respawnCapability(await targetOf(pid), proc).image()).rejects.toMatchObject({
    code: 'not-supported',
    message: expect.stringContaining('written over'),
  });
});

test('a process that is gone has no image', async () => {
  const target = await targetOf((await start('sleep', ['100'])).pid);
  await expect(respawnCapability(replaced(target), proc).image()).rejects.toMatchObject({ code: 'target-gone' });
});

test('a process that may not be looked at: the capability is named', async (context) => {
  if (isRoot) context.skip('needs an ordinary user: root may look at everything');
  const refused = respawnCapability(await targetOf(1), proc).image();
  await expect(refused).rejects.toMatchObject({
    code: 'permission-missing',
    hint: expect.stringContaining('CAP_SYS_PTRACE'),
  });
});

test('a program that is gone by then', async () => {
  const { pid } = await start('sleep', ['100']);
  const respawn = respawnCapability(await targetOf(pid), proc);
  const image = { ...(await respawn.image()), exe: '/no/such/program' };
  await expect(respawn.start(image, tagOf('none'))).rejects.toMatchObject({ code: 'inject-failed' });
});

test('the unit is the system service, never a user session', () => {
  const unit = (path: string) => systemUnit([{ controllers: '', path }], true);
  expect(unit('/system.slice/nginx.service')).toBe('nginx.service');
  expect(unit('/system.slice/system-getty.slice/getty@tty1.service')).toBe('getty@tty1.service');
  expect(unit('/user.slice/user-1000.slice/user@1000.service/app.slice/x.service')).toBeNull();
  expect(unit('/user.slice/user-1000.slice/session-2.scope')).toBeNull();
  expect(unit('/')).toBeNull();
  expect(systemUnit([{ controllers: '', path: '/system.slice/nginx.service' }], false)).toBeNull();
});
