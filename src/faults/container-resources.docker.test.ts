import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { lstat, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { builtModules } from '../../test/fixtures/built.ts';
import { type ContainerTarget, containerTarget, staged } from '../../test/fixtures/container-target.ts';
import { type ContainerOptions, docker, dockerHost, unable, unique } from '../../test/fixtures/docker.ts';
import type { BoundsCapability } from '../capabilities/bounds.ts';
import platform from '../platforms/docker/platform.ts';
import host from '../platforms/host/platform.ts';
import { testFault } from './contract.ts';
import cpuStress from './cpu-stress.ts';
import diskFill from './disk-fill.ts';
import type { AnyFault } from './fault.ts';
import fdExhaust from './fd-exhaust.ts';
import fileCorrupt from './file-corrupt.ts';
import fileDelete from './file-delete.ts';
import filePermission from './file-permission.ts';
import ioStress from './io-stress.ts';
import memoryExhaust from './memory-exhaust.ts';
import memoryStress from './memory-stress.ts';
import pidsExhaust from './pids-exhaust.ts';

const built = await builtModules();
afterAll(built.remove);

const run = promisify(execFile);
/** What a program in the container says. */
const ask = async (id: string, ...argv: string[]) =>
  (await run('docker', ['exec', id, ...argv], { env: { ...process.env, DOCKER_HOST: dockerHost() } })).stdout.trim();
const act = (id: string, what: string) => docker('POST', `/containers/${id}/${what}`);
const boundsOf = async (made: ContainerTarget) => (await platform.attach(made.target)).bounds as BoundsCapability;
const tagged = async () =>
  (await host.discover({ env: { ZASHIKI_WORKER: `re2:^(contract|test)-${process.pid}-` } })).length;

/** Names and contents of a folder of the container, seen from outside: there may be no program in it. */
async function seenIn(made: ContainerTarget, folder: string): Promise<unknown> {
  const { pid } = made.target.identity;
  const root = `/proc/${pid}/root${folder}`;
  const names = (await readdir(root)).sort();
  return Promise.all(
    names.map(async (name) => {
      const { mode, size, uid, mtimeMs } = await lstat(join(root, name));
      const text = (mode & 0o170000) === 0o100000 ? await readFile(join(root, name), 'latin1') : '';
      return { name, mode, uid, ...(text === '' ? {} : { size, mtimeMs, text }) };
    }),
  );
}

/** Everything that the faults of this file could change in a container. */
async function everything(made: ContainerTarget, folder: string): Promise<unknown> {
  const bounds = await boundsOf(made);
  const [pids, memory] = [await bounds.locate('pids'), await bounds.locate('memory')];
  const { max, swap } = await bounds.memory(memory);
  return {
    workers: await tagged(),
    tasks: (await bounds.tasks(pids)).max,
    memory: { max, swap },
    scores: (await bounds.members(memory)).map(({ pid, score }) => [pid, score]),
    files: await seenIn(made, folder),
    limits: readFileSync(`/proc/${made.target.identity.pid}/limits`, 'utf8'),
  };
}

const bare: ContainerOptions = { image: 'scratch-sleeper' };
const bounded: ContainerOptions = { ...bare, hostConfig: { Memory: 96 * 2 ** 20, PidsLimit: 100, NanoCpus: 5e8 } };
/** The file of these images that is there without a shell. */
const own = '/sleeper';

const rows: readonly (readonly [AnyFault, object, ContainerOptions, string])[] = [
  [cpuStress, { load: 50 }, bounded, '/'],
  [memoryStress, { size: '32MiB' }, bounded, '/'],
  [ioStress, { path: '/', size: '1MiB' }, bare, '/'],
  [diskFill, { path: '/', size: '3MiB' }, bare, '/'],
  [fdExhaust, {}, bare, '/'],
  [filePermission, { path: own }, bare, '/'],
  [fileDelete, { path: own }, bare, '/'],
  [fileCorrupt, { path: '/etc/passwd' }, {}, '/etc'],
  [pidsExhaust, { leave: 3 }, bounded, '/'],
  [memoryExhaust, { victim: 'worker' }, bounded, '/'],
  [memoryExhaust, { victim: 'worker', limit: '80MiB' }, bare, '/'],
];

describe.skipIf(unable)(`resources of containers${unable ? `: skipped, ${unable}` : ''}`, () => {
  for (const [fault, params, options, folder] of rows) {
    testFault(fault, {
      test: (name, work) => test(`${name} ${JSON.stringify(params)}`, work),
      platform,
      modules: built.modulesOf(fault.id, 'docker'),
      kills: 1,
      async specimen() {
        const made = await containerTarget(options);
        return { target: made.target, params, snapshot: () => everything(made, folder), end: made.remove };
      },
    });
  }

  const onFiles: readonly (readonly [AnyFault, object])[] = [
    [diskFill, { path: '/tmp', size: '3MiB' }],
    [ioStress, { path: '/tmp', size: '1MiB' }],
    [fileDelete, { path: '/etc/group' }],
    [filePermission, { path: '/etc/group' }],
    [fileCorrupt, { path: '/etc/group', mode: 'truncate' }],
    [fileDelete, { path: '/data/mine' }],
    [filePermission, { path: '/data/mine' }],
    [fileCorrupt, { path: '/data/mine' }],
  ];
  const eachOnFiles = (name: string, work: (fault: AnyFault, params: object) => Promise<void>) => {
    for (const [fault, params] of onFiles) {
      test(`${fault.id} ${JSON.stringify(params)} ${name}`, () => work(fault, params));
    }
  };
  const prepared = async () => {
    const made = await containerTarget();
    await ask(made.id, 'sh', '-c', 'echo precious > /data/mine; mkdir /tmp/mine');
    return made;
  };
  const look = 'for f in /etc/group /data/mine; do stat -c "%n %a %s" $f; md5sum $f; done; ls -A /etc /data /tmp';

  eachOnFiles('is undone in the layer of a container that has ended', async (fault, params) => {
    const made = await prepared();
    const before = await ask(made.id, 'sh', '-c', look);
    const { plan, inject, observe, recover, verify } = await staged(fault, made.target, params);
    const undo = await plan();
    await inject(undo);
    expect(await observe(undo)).toMatchObject({ yes: true });
    expect(await ask(made.id, 'sh', '-c', look).catch(() => 'unreadable')).not.toBe(before);
    await act(made.id, 'kill');
    await docker('POST', `/containers/${made.id}/wait`);
    await recover(undo);
    expect(await verify(undo)).toMatchObject({ yes: true });
    await act(made.id, 'start');
    expect(await ask(made.id, 'sh', '-c', look)).toBe(before);
  });

  eachOnFiles('is undone in a container that was started again', async (fault, params) => {
    const made = await prepared();
    const before = await ask(made.id, 'sh', '-c', look);
    const { plan, inject, recover, verify } = await staged(fault, made.target, params);
    const undo = await plan();
    await inject(undo);
    await act(made.id, 'restart?t=0');
    await recover(undo);
    expect(await verify(undo)).toMatchObject({ yes: true });
    expect(await ask(made.id, 'sh', '-c', look)).toBe(before);
  });

  eachOnFiles('on a container that was removed: gone, not an error', async (fault, params) => {
    const made = await prepared();
    const { plan, inject, recover, verify } = await staged(fault, made.target, params);
    const undo = await plan();
    await inject(undo);
    await made.remove();
    await expect(recover(undo)).rejects.toMatchObject({ code: 'target-gone' });
    await expect(verify(undo)).rejects.toMatchObject({ code: 'target-gone' });
    expect(await tagged()).toBe(0);
  });

  test('a volume is filled, and emptied again when the container is gone', async () => {
    const volume = unique();
    onTestFinished(() => docker('DELETE', `/volumes/${volume}?force=1`).catch(() => undefined));
    const made = await containerTarget({ hostConfig: { Binds: [`${volume}:/vol`] } });
    const { plan, inject, observe, recover, verify } = await staged(diskFill, made.target, {
      path: '/vol',
      size: '3MiB',
    });
    const undo = await plan();
    await inject(undo);
    expect(await observe(undo)).toMatchObject({ yes: true });
    expect(Number(await ask(made.id, 'sh', '-c', 'du -k /vol | cut -f1'))).toBeGreaterThan(3000);
    await made.remove();
    await recover(undo);
    expect(await verify(undo)).toEqual({ yes: true, detail: 'the file is gone' });
    const { Mountpoint } = await docker('GET', `/volumes/${volume}`);
    expect(await readdir(Mountpoint)).toEqual([]);
  });

  test('a read-only root: what is in memory can be filled; it is gone with the container', async () => {
    const hostConfig = { ReadonlyRootfs: true, Tmpfs: { '/tmp': 'size=8m' } };
    for (const ends of [false, true]) {
      const made = await containerTarget({ hostConfig });
      const { plan, inject, observe, recover, verify } = await staged(diskFill, made.target, {
        path: '/tmp',
        leave: '1MiB',
        reserve: '0',
      });
      const undo = await plan();
      await inject(undo);
      expect(await observe(undo)).toMatchObject({ yes: true });
      expect(Number(await ask(made.id, 'sh', '-c', 'df -k /tmp | tail -1 | awk "{print \\$4}"'))).toBeLessThan(1500);
      if (ends) {
        await act(made.id, 'kill');
        await docker('POST', `/containers/${made.id}/wait`);
        await expect(recover(undo)).rejects.toMatchObject({ code: 'target-gone' });
      } else {
        await recover(undo);
        expect(await verify(undo)).toEqual({ yes: true, detail: 'the file is gone' });
        expect(await ask(made.id, 'ls', '-A', '/tmp')).toBe('');
      }
    }
  });

  test('a file of a container whose owner has made another one of that name loses neither', async () => {
    const made = await prepared();
    const { plan, inject, recover, verify, context } = await staged(fileDelete, made.target, { path: '/data/mine' });
    const undo = await plan();
    await inject(undo);
    await ask(made.id, 'sh', '-c', 'echo new > /data/mine');
    await act(made.id, 'kill');
    await docker('POST', `/containers/${made.id}/wait`);
    await recover(undo);
    expect(await verify(undo)).toMatchObject({ yes: true });
    await act(made.id, 'start');
    expect(await ask(made.id, 'sh', '-c', `cat /data/mine /data/mine.zashiki-conflict-${context.tag}`)).toBe(
      'precious\nnew',
    );
  });
});
