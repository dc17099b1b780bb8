import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, type TestContext, test } from 'vitest';
import { openProc } from '../proc.ts';
import { folder, isRoot, needsRoot, replaced, start, targetOf } from '../testing.ts';
import { filesCapability, followInside } from './files.ts';

const proc = openProc();

test('a process in our mount namespace sees our paths', async () => {
  const files = filesCapability(await targetOf((await start('sleep', ['100'])).pid), proc);
  expect(await files.resolve('/tmp/some where')).toBe('/tmp/some where');
  await expect(files.resolve('relative')).rejects.toMatchObject({ code: 'usage' });
});

test('a replaced process is gone', async () => {
  const files = filesCapability(replaced(await targetOf((await start('sleep', ['100'])).pid)), proc);
  await expect(files.resolve('/tmp')).rejects.toMatchObject({ code: 'target-gone' });
});

/** A process in a mount namespace of its own, after a shell has done something there. */
async function apart(context: TestContext, script: string) {
  if (!isRoot) context.skip(`${needsRoot}: unshare --mount`);
  const trial = spawnSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'none', folder()]);
  if (trial.status !== 0) context.skip('this root may not mount');
  const started = await start('unshare', ['--mount', 'sh', '-ec', `${script}; echo up; exec sleep 100`]);
  expect(await started.line).toBe('up');
  return { ...started, files: filesCapability(await targetOf(started.pid), proc) };
}

test('a place that another mount namespace has elsewhere is found on our own mounts', async (context) => {
  const [at, volume] = [folder(), folder()];
  writeFileSync(join(volume, 'data'), 'volume');
  mkdirSync(join(at, 'a b'));
  const { files, child, ended } = await apart(
    context,
    `mount --bind '${volume}' '${at}/a b'; ln -s '${at}/a b/data' '${at}/a b/link'`,
  );
  const found = await files.resolve(`${at}/a b/link`);
  expect(await files.resolve(`${at}/a b/data`)).toBe(found);
  expect(await files.resolve(`${at}/a b/new`)).toBe(join(dirname(found), 'new'));
  expect(found).not.toContain('/proc/');
  child.kill('SIGKILL');
  await ended;
  expect(readFileSync(found, 'utf8')).toBe('volume');
  expect(statSync(found).ino).toBe(statSync(join(volume, 'data')).ino);
  await expect(files.resolve(`${at}/a b/data`)).rejects.toMatchObject({ code: 'target-gone' });
});

test('one file that is mounted by itself is found, and a folder that is not ours alone as well', async (context) => {
  const at = folder();
  for (const name of ['from', 'onto']) writeFileSync(join(at, name), name);
  const { files } = await apart(context, `mount --bind '${at}/from' '${at}/onto'`);
  expect(statSync(await files.resolve(`${at}/onto`)).ino).toBe(statSync(join(at, 'from')).ino);
  expect(statSync(await files.resolve(at)).ino).toBe(statSync(at).ino);
});

test('a place that only the target sees is refused, with the reason', async (context) => {
  const at = folder();
  writeFileSync(join(at, 'data'), 'host');
  const { files, pid } = await apart(context, `mount -t tmpfs none '${at}'; echo inside > '${at}/data'`);
  for (const path of [at, `${at}/data`, `${at}/new`]) {
    await expect(files.resolve(path)).rejects.toMatchObject({
      code: 'not-supported',
      message: expect.stringMatching(new RegExp(`tmpfs mounted on ${at} that only .*pid:${pid}`)),
    });
  }
});

test('a process in another root folder: its paths as ours', async (context) => {
  if (!isRoot) context.skip(`${needsRoot}: chroot`);
  const at = folder();
  mkdirSync(join(at, 'etc'));
  writeFileSync(join(at, 'etc/data'), 'jail');
  // Not its program, but what it sees counts: it changes its root folder and goes on.
  const perl = spawnSync('perl', ['-e', '1']);
  if (perl.status !== 0) context.skip('perl is not installed');
  const script = 'chroot $ARGV[0] or die; $| = 1; print "up\\n"; sleep 100';
  const started = await start('perl', ['-e', script, at]);
  expect(await started.line).toBe('up');
  const files = filesCapability(await targetOf(started.pid), proc);
  expect(await files.resolve('/etc/data')).toBe(join(at, 'etc/data'));
});

test('neither links nor dots lead out of the root', () => {
  const root = folder();
  mkdirSync(join(root, 'a/b'), { recursive: true });
  symlinkSync('/etc', join(root, 'abs'));
  symlinkSync('../../../../etc/passwd', join(root, 'a/b/up'));
  symlinkSync('/abs/../a', join(root, 'chain'));
  symlinkSync('loop', join(root, 'loop'));
  expect(followInside(root, '/a/b/../x')).toBe(`${root}/a/x`);
  expect(followInside(root, '/../../a')).toBe(`${root}/a`);
  expect(followInside(root, '/abs/hosts')).toBe(`${root}/etc/hosts`);
  expect(followInside(root, '/a/b/up')).toBe(`${root}/etc/passwd`);
  expect(followInside(root, '/chain/b')).toBe(`${root}/a/b`);
  expect(followInside(root, '/not/there/yet')).toBe(`${root}/not/there/yet`);
  expect(() => followInside(root, '/loop')).toThrow(/too many links/);
});
