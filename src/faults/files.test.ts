import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { constants } from 'node:fs';
import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeEach, expect, onTestFinished, type TestContext, test } from 'vitest';
import { builtModules } from '../../test/fixtures/built.ts';
import { attach, machine, targetOf, testContext } from '../../test/fixtures/living-target.ts';
import type { TargetRef } from '../core/model.ts';
import type { FaultContext } from '../core/ports.ts';
import host from '../platforms/host/platform.ts';
import { testFault } from './contract.ts';
import diskFill from './disk-fill.ts';
import fileCorrupt from './file-corrupt.ts';
import fileDelete from './file-delete.ts';
import filePermission from './file-permission.ts';
import { pinFile, withPinned } from './parts/pinned-file.ts';
import { inFolder } from './parts/place.ts';

const built = await builtModules();
afterAll(built.remove);
/** The contract's tests start processes of their own, which takes its time on a busy machine. */
const patient = (name: string, run: () => Promise<void>) => test(name, run, 120_000);

let folder: string;
let file: string;
let target: TargetRef;
let context: FaultContext;
const content = Buffer.from(Array.from({ length: 3000 }, (_, i) => (i * 7) % 251));
const longAgo = new Date('2001-02-03T04:05:06.789Z');

async function makeFile(path: string, bytes: Buffer | string = content): Promise<void> {
  await fs.writeFile(path, bytes, { mode: 0o640 });
  await fs.chmod(path, 0o4640);
  await fs.utimes(path, longAgo, longAgo);
  // Nanoseconds, which Node cannot set itself.
  execFileSync('touch', ['-m', '-d', '2001-02-03T04:05:06.123456789Z', path]);
}

beforeEach(async () => {
  folder = await fs.mkdtemp(join(tmpdir(), 'zashiki-files-'));
  file = join(folder, 'data.bin');
  await makeFile(file);
  target = await machine();
  context = await testContext();
});

afterEach(async () => {
  await fs.rm(folder, { recursive: true, force: true });
  await fs.rm(context.keep, { recursive: true, force: true });
});

/** Everything of a folder's files that can be told: which inode, content, owner, mode, times. */
async function everything(of: string): Promise<unknown> {
  const names = (await fs.readdir(of)).sort();
  return await Promise.all(
    names.map(async (name) => {
      const path = join(of, name);
      const { ino, uid, gid, mode, nlink, mtimeNs, atimeNs, size } = await fs.stat(path, { bigint: true });
      const handle = await fs.open(path, constants.O_RDONLY | constants.O_NOATIME);
      const sha256 = createHash('sha256')
        .update(await handle.readFile())
        .digest('hex');
      await handle.close();
      return { name, ino, uid, gid, mode, nlink, mtimeNs, atimeNs, size, sha256 };
    }),
  );
}

// biome-ignore lint/suspicious/noExplicitAny: any file fault, with its own parameter types
async function staged(fault: any, given: unknown) {
  const [on, params] = [await attach(target), fault.params.parse(given)];
  const undo = await fault.plan(on, params, context);
  return {
    undo,
    inject: () => fault.inject(on, params, undo, context),
    observe: () => fault.observe(on, params, undo, context),
    recover: () => fault.recover(on, undo, context),
    verify: () => fault.verify(on, undo, context),
  };
}

// ── The contract, over every file fault ─────────────────────────────────────────────────────────────────────────────

const cases = [
  [fileCorrupt, { mode: 'flip' }],
  [fileCorrupt, { mode: 'zero', bytes: 100, offset: 10 }],
  [fileCorrupt, { mode: 'truncate' }],
  [fileCorrupt, { mode: 'truncate', offset: 0 }],
  [fileDelete, {}],
  [filePermission, { mode: '0000' }],
  [diskFill, { size: '3MiB' }],
] as const;

for (const [fault, params] of cases) {
  testFault(fault, {
    test: (name, run) => patient(`${name} ${JSON.stringify(params)}`, run),
    platform: host,
    modules: built.modulesOf(fault.id),
    async specimen() {
      const own = await fs.mkdtemp(join(tmpdir(), 'zashiki-specimen-'));
      const path = join(own, 'data.bin');
      if (fault !== diskFill) await makeFile(path);
      return {
        target,
        params: { ...params, path: fault === diskFill ? own : path },
        snapshot: () => everything(own),
        end: () => fs.rm(own, { recursive: true, force: true }),
      };
    },
  });
}

// ── file-corrupt ────────────────────────────────────────────────────────────────────────────────────────────────────

test('file-corrupt changes each byte of the range and no other, without a trace in the times', async () => {
  const { inject, observe } = await staged(fileCorrupt, { path: file, offset: 100, bytes: 50 });
  await inject();
  const now = await fs.readFile(file);
  const changed = [...now.keys()].filter((i) => now[i] !== content[i]);
  expect(changed).toEqual(Array.from({ length: 50 }, (_, i) => 100 + i));
  expect((await fs.stat(file, { bigint: true })).mtimeNs % 1_000_000_000n).toBe(123456789n);
  expect(await observe()).toEqual({ yes: true, detail: '50 bytes at 100: flipped' });
});

test('file-corrupt says so when there was nothing to see: zeros over zeros', async () => {
  await makeFile(file, Buffer.alloc(500));
  const { inject, observe, verify } = await staged(fileCorrupt, { path: file, mode: 'zero' });
  await inject();
  expect(await observe()).toMatchObject({ yes: false });
  expect(await verify()).toMatchObject({ yes: true });
});

test('file-corrupt keeps what a program writes elsewhere meanwhile, with its time', async () => {
  const { inject, recover, verify } = await staged(fileCorrupt, { path: file, offset: 0 });
  await inject();
  await fs.appendFile(file, 'new line\n');
  const { mtimeMs } = await fs.stat(file);
  await recover();
  expect(await fs.readFile(file)).toEqual(Buffer.concat([content, Buffer.from('new line\n')]));
  expect(Math.abs((await fs.stat(file)).mtimeMs - mtimeMs)).toBeLessThan(0.01);
  expect(await verify()).toMatchObject({ yes: true });
});

test('file-corrupt fills the hole of a truncated log whose writer went on where it was', async () => {
  const { inject, recover, verify } = await staged(fileCorrupt, { path: file, mode: 'truncate', offset: 1000 });
  const writer = await fs.open(file, 'r+');
  await inject();
  await writer.write('and on', content.length);
  await writer.close();
  await recover();
  expect(await fs.readFile(file)).toEqual(Buffer.concat([content, Buffer.from('and on')]));
  expect(await verify()).toMatchObject({ yes: true });
});

test('file-corrupt leaves a range that was rewritten, and loses no byte of the original', async () => {
  const { inject, recover, verify } = await staged(fileCorrupt, { path: file, offset: 0, bytes: 4 });
  await inject();
  await fs.writeFile(file, 'written anew by the application');
  await recover();
  await recover();
  expect(await fs.readFile(file, 'utf8')).toBe('written anew by the application');
  expect(await fs.readFile(`${file}.zashiki-original-${context.tag}`)).toEqual(content.subarray(0, 4));
  expect(await verify()).toMatchObject({ yes: true, detail: expect.stringMatching(/somebody else.*original bytes/) });
});

test('file-corrupt leaves a file alone that replaced the damaged one', async () => {
  const { inject, recover, verify } = await staged(fileCorrupt, { path: file });
  await inject();
  await fs.writeFile(`${file}.new`, 'replaced');
  await fs.rename(`${file}.new`, file);
  await recover();
  expect(await fs.readFile(file, 'utf8')).toBe('replaced');
  expect(await verify()).toMatchObject({ yes: false, detail: expect.stringMatching(/replaced.*original bytes/) });
});

test('file-corrupt restores after a cut in the middle of writing', async () => {
  const { inject, recover, undo } = await staged(fileCorrupt, { path: file, offset: 0, bytes: 64 });
  await inject();
  // As it would be if only half of the damage had reached the file, and the note of its end was never written.
  const half = Buffer.concat([(await fs.readFile(file)).subarray(0, 32), content.subarray(32)]);
  const handle = await fs.open(file, 'r+');
  await handle.write(half, 0, half.length, 0);
  await handle.close();
  await fs.rm(join(context.keep, 'damaged.json'));
  await recover();
  expect(await fs.readFile(file)).toEqual(content);
  expect((await fs.stat(file, { bigint: true })).mtimeNs % 1_000_000_000n).toBe(123456789n);
  expect(undo.damage.length).toBe(64);
});

test('the same tag damages the same bytes in the same way, another tag does not', async () => {
  const seen: string[] = [];
  for (const tag of ['one', 'one', 'two']) {
    await makeFile(file);
    await fs.rm(context.keep, { recursive: true, force: true });
    context = { ...context, tag };
    await (await staged(fileCorrupt, { path: file })).inject();
    seen.push((await fs.readFile(file)).toString('hex'));
  }
  expect(seen[0]).toBe(seen[1]);
  expect(seen[0]).not.toBe(seen[2]);
});

test('a link is followed; folders, devices and empty files are refused', async () => {
  const link = join(folder, 'link');
  await fs.symlink(file, link);
  const { inject, recover } = await staged(fileCorrupt, { path: link });
  await inject();
  expect(await fs.readFile(file)).not.toEqual(content);
  await recover();
  expect(await fs.readFile(file)).toEqual(content);
  expect((await fs.lstat(link)).isSymbolicLink()).toBe(true);
  await expect(staged(fileCorrupt, { path: folder })).rejects.toThrow(/is a folder/);
  await expect(staged(fileDelete, { path: '/dev/null' })).rejects.toThrow(/is a device/);
  await expect(staged(filePermission, { path: join(folder, 'none') })).rejects.toThrow(/does not exist/);
  await fs.truncate(file, 0);
  await expect(staged(fileCorrupt, { path: file })).rejects.toThrow(/0 bytes/);
});

/** Start a process that sees `folder` at `elsewhere` as well, where nobody else does. */
async function serviceThatSeesIt(ctx: TestContext, elsewhere: string) {
  if (process.getuid?.() !== 0) return ctx.skip('needs root: makes a mount namespace');
  const script = `mount --bind '${folder}' '${elsewhere}' && echo up && exec sleep 600`;
  const child = spawn('unshare', ['--mount', 'sh', '-c', script], { stdio: ['ignore', 'pipe', 'ignore'] });
  const ended = once(child, 'exit');
  const up = await Promise.race([once(child.stdout, 'data').then(() => true), ended.then(() => false)]);
  if (!up) return ctx.skip('this root may not mount');
  const end = async () => {
    child.kill('SIGKILL');
    await ended;
  };
  onTestFinished(end);
  return { end, target: await targetOf(child.pid ?? 0) };
}

const fileFaults = [
  [fileDelete, {}],
  [fileCorrupt, {}],
  [filePermission, { mode: '0400' }],
  [diskFill, { size: '1MiB' }],
] as const;

for (const [fault, params] of fileFaults) {
  test(`${fault.id} of a service with mounts of its own is undone although the service has ended`, async (ctx) => {
    const elsewhere = await fs.mkdtemp(join(tmpdir(), 'zashiki-elsewhere-'));
    onTestFinished(() => fs.rmdir(elsewhere));
    const service = await serviceThatSeesIt(ctx, elsewhere);
    target = service.target;
    const before = await everything(folder);
    const path = fault === diskFill ? elsewhere : join(elsewhere, 'data.bin');
    const { inject, observe, recover, verify } = await staged(fault, { ...params, path });
    await inject();
    expect(await observe()).toMatchObject({ yes: true });
    await service.end();
    await recover();
    expect(await verify()).toMatchObject({ yes: true });
    expect(await everything(folder)).toEqual(before);
  });

  test(`${fault.id} is not over when its folder cannot be found, and is undone once it is back`, async () => {
    const before = await everything(folder);
    const path = fault === diskFill ? folder : file;
    const { inject, recover, verify } = await staged(fault, { ...params, path });
    const away = join(await fs.mkdtemp(join(tmpdir(), 'zashiki-away-')), 'away');
    onTestFinished(() => fs.rm(join(away, '..'), { recursive: true, force: true }));
    await inject();
    await fs.rename(folder, away);
    for (const act of [recover, verify]) {
      await expect(act()).rejects.toMatchObject({ code: 'recover-failed', hint: expect.stringMatching('mount') });
    }
    // As a mount point looks when its volume is not mounted.
    await fs.mkdir(folder);
    await expect(recover()).rejects.toMatchObject({ code: 'recover-failed' });
    await fs.rmdir(folder);
    await fs.rename(away, folder);
    await recover();
    expect(await verify()).toMatchObject({ yes: true });
    expect(await everything(folder)).toEqual(before);
  });

  test(`${fault.id} is undone in a folder that was moved aside, with another one in its place`, async () => {
    const before = await everything(folder);
    const { inject, recover, verify } = await staged(fault, { ...params, path: fault === diskFill ? folder : file });
    await inject();
    const old = `${folder}.old`;
    onTestFinished(() => fs.rm(old, { recursive: true, force: true }));
    await fs.rename(folder, old);
    await fs.mkdir(folder);
    await recover();
    expect(await verify()).toMatchObject({ yes: true });
    expect(await everything(old)).toEqual(before);
    expect(await fs.readdir(folder)).toEqual([]);
  });

  test(`${fault.id} refuses what Zashiki itself needs, and file systems of the kernel`, async () => {
    const state = join(folder, 'state');
    context = { ...context, keep: join(state, 'runs', 'r1', 'keep', 'i1') };
    await fs.mkdir(context.keep, { recursive: true });
    await makeFile(join(state, 'journal'));
    const own = fileURLToPath(import.meta.url);
    const paths = [
      [state, 'journal'],
      [dirname(own), basename(own)],
      ['/proc/self', 'status'],
      ['/proc/sys/kernel', 'ostype'],
    ];
    if (fault !== diskFill) paths.push([dirname(process.execPath), basename(process.execPath)]);
    for (const [at = '', name = ''] of paths) {
      const path = fault === diskFill ? at : join(at, name);
      await expect(staged(fault, { ...params, path })).rejects.toMatchObject({ code: 'refused' });
    }
  });

  test(`${fault.id} is not led to another folder by a link, neither to inject nor to recover`, async () => {
    const other = await fs.mkdtemp(join(tmpdir(), 'zashiki-other-'));
    onTestFinished(() => fs.rm(other, { recursive: true, force: true }));
    // All names that a fault may look for are there, as the very same files as far as that is possible.
    for (const name of ['data.bin', `.zashiki-fill-${context.tag}`]) await makeFile(join(other, name), 'precious');
    await fs.link(file, join(other, `.zashiki-kept-${context.tag}`));
    const path = fault === diskFill ? folder : file;
    const { inject, recover } = await staged(fault, { ...params, path });
    const swap = async () => {
      await fs.rename(folder, `${folder}.away`);
      await fs.symlink(other, folder);
    };
    const swapBack = async () => {
      await fs.rm(folder);
      await fs.rename(`${folder}.away`, folder);
    };
    const before = await everything(other);
    await swap();
    await expect(inject()).rejects.toMatchObject({ code: 'plan-drift' });
    expect(await everything(other)).toEqual(before);
    await swapBack();
    await inject();
    const during = await everything(other);
    await swap();
    await recover();
    // The hard link is the very file, which was repaired where it is; all else stays.
    const foreign = (all: unknown) => (all as { name: string }[]).filter(({ name }) => !name.includes('kept'));
    expect(foreign(await everything(other))).toEqual(foreign(during));
    await swapBack();
    await recover();
    expect(await everything(other)).toEqual(before);
  });
}

for (const [fault, params] of fileFaults.slice(0, 3)) {
  test(`${fault.id} touches no file that a link in the place of its own leads to`, async () => {
    const precious = join(folder, 'precious');
    await makeFile(precious);
    const alone = async () => (await everything(folder)) as { name: string }[];
    const find = async () => (await alone()).find(({ name }) => name === 'precious');
    const { inject, recover, verify } = await staged(fault, { ...params, path: file });
    const before = await find();
    const swap = async () => {
      await fs.rename(file, `${file}.away`);
      await fs.symlink(precious, file);
    };
    await swap();
    await expect(inject()).rejects.toMatchObject({ code: 'plan-drift' });
    expect(await find()).toEqual(before);
    await fs.rename(`${file}.away`, file);
    await inject();
    if (fault === fileDelete) await fs.symlink(precious, file);
    else await swap();
    await recover();
    expect(await verify()).toMatchObject({ yes: true });
    expect(await find()).toEqual(before);
  });
}

test('what was in memory is gone with the boot; on a disk it is looked for, whatever its device is called now', async () => {
  const { undo, inject } = await staged(filePermission, { path: file });
  await inject();
  const on = await attach(target);
  const rebooted = { ...undo.file, boot: 'before' };
  const lost = { ...undo, file: { ...rebooted, folderIno: '1', inMemory: true } };
  await expect(filePermission.recover(on, lost, context)).rejects.toMatchObject({ code: 'target-gone' });
  const unmounted = { ...lost, file: { ...lost.file, inMemory: false } };
  await expect(filePermission.recover(on, unmounted, context)).rejects.toMatchObject({ code: 'recover-failed' });
  const renumbered = { ...rebooted, dev: '1', folderDev: '1' };
  await filePermission.recover(on, { ...undo, file: renumbered }, context);
  expect((await fs.stat(file)).mode & 0o7777).toBe(0o4640);
});

test('a folder on an overlayfs that has another number after a reboot is the one at its path', async (ctx) => {
  if (process.getuid?.() !== 0) return ctx.skip('needs root: mounts an overlayfs');
  const [root, low, disk] = ['root', 'low', 'disk'].map((name) => join(folder, name)) as [string, string, string];
  const mounted: string[] = [];
  const mount = (type: string, to: string, options: string) => {
    execFileSync('mount', ['-t', type, '-o', options, 'none', to], { stdio: 'ignore' });
    mounted.unshift(to);
  };
  const unmount = () => execFileSync('umount', [mounted.shift() ?? '']);
  const boot = () => mount('overlay', root, `lowerdir=${low},upperdir=${disk}/up,workdir=${disk}/work`);
  try {
    for (const path of [root, low, disk]) await fs.mkdir(path);
    try {
      // Two file systems: only then are the numbers of folders made up.
      for (const path of [low, disk]) mount('tmpfs', path, 'size=1m');
      for (const name of ['up', 'work']) await fs.mkdir(join(disk, name));
      boot();
    } catch {
      return ctx.skip('this root may not mount');
    }
    const path = join(root, 'shop', 'data.bin');
    for (const name of ['shop', 'other']) await fs.mkdir(join(root, name));
    await makeFile(path);
    const { undo, inject } = await staged(filePermission, { path });
    await inject();
    unmount();
    boot();
    // What is looked at first gets the first number.
    await fs.stat(join(root, 'other'));
    expect(String((await fs.stat(dirname(path))).ino)).not.toBe(undo.file.folderIno);
    const rebooted = { ...undo, file: { ...undo.file, boot: 'before' } };
    const on = await attach(target);
    await filePermission.recover(on, rebooted, context);
    expect((await fs.stat(path)).mode & 0o7777).toBe(0o4640);
    expect(await filePermission.verify(on, rebooted, context)).toMatchObject({ yes: true });
  } finally {
    while (mounted.length > 0) unmount();
  }
});

test('a held file stays the one that was pinned, while its name goes to another', async () => {
  const pinned = await pinFile((await attach(target)).files, file);
  const precious = join(folder, 'precious');
  await makeFile(precious);
  await inFolder(pinned, 'in', (held) =>
    withPinned(held, pinned, async ({ path }) => {
      await fs.rename(file, `${file}.away`);
      await fs.symlink(precious, file);
      await fs.chmod(path, 0o600);
    }),
  );
  expect((await fs.stat(precious)).mode & 0o7777).toBe(0o4640);
  expect((await fs.stat(`${file}.away`)).mode & 0o7777).toBe(0o600);
});

test('file-permission and somebody who swaps the file for a link all the time', { timeout: 120_000 }, async () => {
  const precious = join(folder, 'precious');
  await makeFile(precious);
  const { inject, recover } = await staged(filePermission, { path: file, mode: '0600' });
  const script = `const { renameSync, symlinkSync, unlinkSync } = require('node:fs');
    const [file, precious] = process.argv.slice(1);
    for (;;) { renameSync(file, file + '.away'); symlinkSync(precious, file); unlinkSync(file); renameSync(file + '.away', file); }`;
  const swapper = spawn(process.execPath, ['-e', script, file, precious], { stdio: 'ignore' });
  const ended = once(swapper, 'exit');
  let done = 0;
  for (let i = 0; i < 400 && done < 60; i++) {
    done += await inject().then(
      () => 1,
      () => 0,
    );
    await recover();
  }
  swapper.kill('SIGKILL');
  await ended;
  expect(done).toBeGreaterThan(0);
  expect((await fs.stat(precious)).mode & 0o7777).toBe(0o4640);
});

// ── file-delete ─────────────────────────────────────────────────────────────────────────────────────────────────────

test('file-delete gives back the same inode to those who look and those who hold it open', async () => {
  const { ino } = await fs.stat(file);
  const held = await fs.open(file);
  const { inject, observe, recover } = await staged(fileDelete, { path: file });
  await inject();
  await expect(fs.stat(file)).rejects.toMatchObject({ code: 'ENOENT' });
  expect(await observe()).toMatchObject({ yes: true });
  await recover();
  expect((await fs.stat(file)).ino).toBe(ino);
  expect((await held.stat()).ino).toBe(ino);
  await held.close();
});

test('file-delete restores over a file that was made meanwhile, and keeps that one beside', async () => {
  const { inject, recover, verify } = await staged(fileDelete, { path: file });
  await inject();
  await fs.writeFile(file, 'made anew');
  await recover();
  await recover();
  expect(await fs.readFile(file)).toEqual(content);
  expect(await fs.readFile(`${file}.zashiki-conflict-${context.tag}`, 'utf8')).toBe('made anew');
  expect(await verify()).toMatchObject({ yes: true, detail: expect.stringMatching('zashiki-conflict') });
});

test('file-delete with onConflict keep leaves the new file and puts the original beside', async () => {
  const { inject, recover, verify } = await staged(fileDelete, { path: file, onConflict: 'keep' });
  await inject();
  await fs.writeFile(file, 'made anew');
  await recover();
  await recover();
  expect(await fs.readFile(file, 'utf8')).toBe('made anew');
  expect(await fs.readFile(`${file}.zashiki-original-${context.tag}`)).toEqual(content);
  expect(await verify()).toMatchObject({ yes: true, detail: expect.stringMatching('the new .* stays') });
});

test('file-delete recovers between its two steps, in both directions', async () => {
  const { recover, verify } = await staged(fileDelete, { path: file });
  const before = await everything(folder);
  // Cut after the second name was made, and cut after the first name was given back: the same state.
  await fs.link(file, join(folder, `.zashiki-kept-${context.tag}`));
  expect(await verify()).toMatchObject({ yes: false });
  await recover();
  expect(await everything(folder)).toEqual(before);
});

test('file-delete refuses when the file was replaced after the plan', async () => {
  const { inject } = await staged(fileDelete, { path: file });
  await fs.writeFile(`${file}.new`, 'replaced');
  await fs.rename(`${file}.new`, file);
  await expect(inject()).rejects.toMatchObject({ code: 'plan-drift' });
  expect(await fs.readFile(file, 'utf8')).toBe('replaced');
});

for (const [fault, params] of [
  [fileCorrupt, { mode: 'flip', bytes: 100 }],
  [fileCorrupt, { mode: 'truncate' }],
  [filePermission, { mode: '0600' }],
] as const) {
  test(`${fault.id} ${JSON.stringify(params)} repairs a log that was rotated away, under its new name`, async () => {
    const mode = (await fs.stat(file)).mode;
    const { inject, recover, verify } = await staged(fault, { ...params, path: file });
    await inject();
    await fs.rename(file, `${file}.1`);
    await fs.writeFile(file, 'new log');
    await recover();
    expect(await verify()).toMatchObject({ yes: true });
    expect(await fs.readFile(`${file}.1`)).toEqual(content);
    expect((await fs.stat(`${file}.1`)).mode).toBe(mode);
    expect(await fs.readFile(file, 'utf8')).toBe('new log');
  });

  test(`${fault.id} ${JSON.stringify(params)} is not over while its file cannot be found`, async () => {
    const { inject, recover, verify } = await staged(fault, { ...params, path: file });
    const away = await fs.mkdtemp(join(tmpdir(), 'zashiki-away-'));
    onTestFinished(() => fs.rm(away, { recursive: true, force: true }));
    await inject();
    await fs.rename(file, join(away, 'x'));
    for (const act of [() => {}, () => fs.writeFile(file, 'new log')]) {
      await act();
      await recover();
      expect(await verify()).toMatchObject({ yes: false, detail: expect.stringMatching('cannot be found') });
    }
    await fs.rename(join(away, 'x'), `${file}.1`);
    await recover();
    expect(await verify()).toMatchObject({ yes: true });
    expect(await fs.readFile(`${file}.1`)).toEqual(content);
  });
}

test('file-delete is not over when the file that was put aside is gone', async () => {
  const { inject, recover, verify } = await staged(fileDelete, { path: file });
  await inject();
  await fs.rm(join(folder, `.zashiki-kept-${context.tag}`));
  await fs.writeFile(file, 'new');
  await recover();
  expect(await verify()).toMatchObject({ yes: false, detail: expect.stringMatching('cannot be found') });
});

for (const mode of ['flip', 'zero'] as const) {
  test(`file-corrupt ${mode}: one byte of the application leaves no other byte damaged`, async () => {
    const [big, at] = [Buffer.alloc(3 << 20, 'original '), (1 << 20) + 77];
    await makeFile(file, big);
    const { inject, recover, verify } = await staged(fileCorrupt, { path: file, mode, offset: 100, bytes: '2MiB' });
    await inject();
    const byte = Buffer.from([((await fs.readFile(file))[at] ?? 0) ^ 0x55]);
    if (byte[0] === big[at]) byte[0] = 1;
    const app = await fs.open(file, 'r+');
    await app.write(byte, 0, 1, at);
    await app.close();
    await recover();
    big[at] = byte[0] ?? 0;
    expect((await fs.readFile(file)).equals(big)).toBe(true);
    expect(await verify()).toMatchObject({ yes: true, detail: expect.stringMatching(/1 bytes.*left/) });
  });
}

test('file-corrupt leaves short matches beside foreign bytes, and says that it cannot tell whose they are', async () => {
  const { inject, recover, verify } = await staged(fileCorrupt, { path: file, offset: 0, bytes: 16 });
  await inject();
  const now = await fs.readFile(file);
  for (const i of [4, 7]) now[i] = [1, 2, 3].find((byte) => byte !== now[i] && byte !== content[i]) ?? 0;
  await fs.writeFile(file, now);
  await recover();
  const after = await fs.readFile(file);
  expect([...after.keys()].filter((i) => after[i] !== content[i])).toEqual([4, 5, 6, 7]);
  expect(await verify()).toMatchObject({ yes: false, detail: expect.stringMatching(/2 more.*original bytes/) });
});

test('file-corrupt: what was appended to a cut file is kept, the tail is put beside, and it is not over', async () => {
  const { inject, recover, verify } = await staged(fileCorrupt, { path: file, mode: 'truncate', offset: 1000 });
  await inject();
  await fs.appendFile(file, 'appended');
  await recover();
  expect((await fs.readFile(file)).subarray(1000).toString()).toBe('appended');
  expect(await fs.readFile(`${file}.zashiki-original-${context.tag}`)).toEqual(content.subarray(1000));
  expect(await verify()).toMatchObject({ yes: false, detail: expect.stringMatching('original bytes') });
});

test('file-corrupt without its copies: flipped bytes are flipped back, all else is not called over', async () => {
  for (const mode of ['flip', 'zero', 'truncate'] as const) {
    await makeFile(file);
    await fs.rm(context.keep, { recursive: true, force: true });
    const { inject, recover, verify } = await staged(fileCorrupt, { path: file, mode, offset: 10, bytes: 500 });
    await inject();
    await fs.rm(context.keep, { recursive: true, force: true });
    expect(await verify()).toMatchObject({ yes: false });
    if (mode === 'flip') await recover();
    else await expect(recover()).rejects.toMatchObject({ code: 'recover-failed' });
    expect(await verify()).toMatchObject({ yes: mode === 'flip' });
    if (mode === 'flip') expect(await fs.readFile(file)).toEqual(content);
  }
});

test('file-corrupt damages at most 64MiB', () => {
  expect(fileCorrupt.params.safeParse({ path: file, bytes: '65MiB' }).error?.message).toMatch('at most 64MiB');
  expect(fileCorrupt.params.safeParse({ path: file, bytes: '64MiB' }).success).toBe(true);
});

test('file-corrupt can be broken off', async () => {
  const { inject } = await staged(fileCorrupt, { path: file });
  const reason = new Error('enough');
  Object.assign(context, { signal: AbortSignal.abort(reason) });
  await expect(inject()).rejects.toBe(reason);
  expect(await fs.readFile(file)).toEqual(content);
});

// ── file-permission ─────────────────────────────────────────────────────────────────────────────────────────────────

test('file-permission leaves a mode that somebody else has set meanwhile', async () => {
  const { inject, recover, verify } = await staged(filePermission, { path: file, mode: '0400' });
  await inject();
  expect((await fs.stat(file)).mode & 0o7777).toBe(0o400);
  await fs.chmod(file, 0o666);
  await recover();
  expect((await fs.stat(file)).mode & 0o7777).toBe(0o666);
  expect(await verify()).toMatchObject({ yes: true, detail: expect.stringMatching('somebody else') });
});

test('file-permission says so when the mode was that already', async () => {
  const { inject, observe } = await staged(filePermission, { path: file, mode: '4640' });
  await inject();
  expect(await observe()).toMatchObject({ yes: false });
});

test('an ordinary user is told what is missing for a file of root', async (ctx) => {
  if (process.getuid?.() === 0) return ctx.skip('runs as root: nothing is forbidden');
  const { inject } = await staged(filePermission, { path: '/etc/passwd', mode: '0644' });
  await expect(inject()).rejects.toMatchObject({
    code: 'permission-missing',
    hint: expect.stringMatching('CAP_FOWNER'),
  });
});

test.for(['file-permission', 'file-corrupt'] as const)(
  '%s of a setgid file is refused to who could not set that bit again',
  async (id, ctx) => {
    if (process.getuid?.() !== 0) return ctx.skip('needs root: a file of a group that we are not in');
    await fs.chown(file, 0, 4242);
    await fs.chmod(file, 0o2750);
    const unprivileged = ['--bounding-set=-fsetid', '--inh-caps=-fsetid', process.execPath];
    const program = `
      const [fault, platform, target, path, keep] = JSON.parse(process.argv[1]);
      const on = await (await import(platform)).default.attach(target);
      const { plan, params } = (await import(fault)).default;
      const { code, hint } = await plan(on, params.parse({ path }), { tag: 't', keep }).catch((error) => error);
      console.log(JSON.stringify({ code, hint }));`;
    const { fault, platform } = built.modulesOf(id);
    const task = JSON.stringify([fault.href, platform.href, target, file, context.keep]);
    const plan = (...run: string[]) =>
      JSON.parse(execFileSync('setpriv', [...run, '--input-type=module', '-e', program, task], { encoding: 'utf8' }));
    expect(plan(...unprivileged)).toEqual({ code: 'permission-missing', hint: expect.stringContaining('CAP_FSETID') });
    expect(plan('--groups=4242', ...unprivileged)).toEqual({});
    expect(plan(process.execPath)).toEqual({});
  },
);

test('file-permission neither loses a setgid bit nor sets a mode that the kernel would not keep', async (ctx) => {
  if (process.getuid?.() !== 0) return ctx.skip('needs root: a file of a group that we are not in');
  await fs.chown(file, 0, 4242);
  await fs.chmod(file, 0o2750);
  const { inject, recover, verify } = await staged(filePermission, { path: file });
  await inject();
  await recover();
  expect(await verify()).toMatchObject({ yes: true });
  expect((await fs.stat(file)).mode & 0o7777).toBe(0o2750);
});

// ── disk-fill ───────────────────────────────────────────────────────────────────────────────────────────────────────

test('disk-fill takes the space and gives it back', async () => {
  const { inject, observe, recover } = await staged(diskFill, { path: folder, size: '8MiB' });
  await inject();
  const name = `.zashiki-fill-${context.tag}`;
  expect((await fs.stat(join(folder, name))).blocks * 512).toBeGreaterThanOrEqual(8 * 1024 ** 2);
  expect(await observe()).toMatchObject({ yes: true, detail: expect.stringMatching(/^8 MiB of 8 MiB filled/) });
  await recover();
  expect(await fs.readdir(folder)).toEqual(['data.bin']);
});

test('disk-fill writes when nothing can set the space aside at once, and goes on where it was cut', async () => {
  const { inject, observe, recover } = await staged(diskFill, { path: folder, size: '3MiB' });
  const path = process.env.PATH;
  process.env.PATH = folder;
  try {
    await inject();
    await fs.truncate(join(folder, `.zashiki-fill-${context.tag}`), 1 << 20);
    await inject();
  } finally {
    process.env.PATH = path;
  }
  expect(await observe()).toMatchObject({ yes: true });
  await recover();
  expect(await fs.readdir(folder)).toEqual(['data.bin']);
});

test('disk-fill computes how much: all but 5 %, a percentage, what is to be left, never below the reserve', async () => {
  const { bsize, bavail, bfree, blocks } = await fs.statfs(folder);
  const free = bsize * (process.getuid?.() === 0 ? bfree : bavail);
  const near = (bytes: number) => ({ min: bytes - free / 100, max: bytes + free / 100 });
  for (const [given, range] of [
    [{ leave: free - 50e6 }, { min: 0, max: 50e6 + free / 100 }],
    [{ percent: '10%' }, near(free * 0.1)],
    [{ percent: '100%', reserve: Math.floor(free / 2) }, near(free / 2)],
    [{}, near(free - blocks * bsize * 0.05)],
  ] as const) {
    const planned = staged(diskFill, { path: folder, ...given });
    if (range.max <= 0) await expect(planned).rejects.toMatchObject({ code: 'refused' });
    else {
      const { bytes } = (await planned).undo;
      expect(bytes).toBeGreaterThanOrEqual(range.min);
      expect(bytes).toBeLessThanOrEqual(range.max);
    }
  }
  await expect(staged(diskFill, { path: folder, size: free * 2 })).rejects.toMatchObject({ code: 'refused' });
  await expect(staged(diskFill, { path: folder, reserve: free * 2 })).rejects.toMatchObject({ code: 'refused' });
});

test('disk-fill makes a small disk really full, and no fuller than the reserve', async (ctx) => {
  if (process.getuid?.() !== 0) return ctx.skip('needs root: mounts a small disk');
  const disk = join(folder, 'disk');
  await fs.mkdir(disk);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'none', disk], { stdio: 'ignore' });
  } catch {
    return ctx.skip('this root may not mount');
  }
  try {
    const full = await staged(diskFill, { path: disk, leave: 0, reserve: 0 });
    await full.inject();
    await expect(fs.writeFile(join(disk, 'x'), Buffer.alloc(1e5))).rejects.toMatchObject({ code: 'ENOSPC' });
    expect(await full.observe()).toMatchObject({ yes: true });
    await full.recover();
    await fs.rm(join(disk, 'x'), { force: true });
    const reserved = await staged(diskFill, { path: disk, leave: 0, reserve: '2MiB' });
    await reserved.inject();
    await fs.writeFile(join(disk, 'x'), Buffer.alloc(1.5e6));
    await reserved.recover();
    expect(await fs.readdir(disk)).toEqual(['x']);
  } finally {
    execFileSync('umount', ['-l', disk]);
  }
});

test('disk-fill deletes nothing that is not its own file', async () => {
  const { inject, recover } = await staged(diskFill, { path: folder, size: '1MiB' });
  const name = join(folder, `.zashiki-fill-${context.tag}`);
  await fs.symlink(file, name);
  await expect(inject()).rejects.toMatchObject({ code: 'inject-failed' });
  await recover();
  expect(await fs.readFile(file)).toEqual(content);
});
