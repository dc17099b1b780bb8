import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import {
  type ContainerTarget,
  containerTarget,
  staged,
  targetOfContainer,
} from '../../test/fixtures/container-target.ts';
import { type ContainerOptions, docker, dockerHost, unable } from '../../test/fixtures/docker.ts';
import type { BoundsCapability } from '../capabilities/bounds.ts';
import platform from '../platforms/docker/platform.ts';
import host from '../platforms/host/platform.ts';
import cpuStress from './cpu-stress.ts';
import type { AnyFault } from './fault.ts';
import ioStress from './io-stress.ts';
import memoryExhaust from './memory-exhaust.ts';
import memoryStress from './memory-stress.ts';
import pidsExhaust from './pids-exhaust.ts';

const run = promisify(execFile);
/** What a program in the container says. */
const ask = async (id: string, ...argv: string[]) =>
  (await run('docker', ['exec', id, ...argv], { env: { ...process.env, DOCKER_HOST: dockerHost() } })).stdout.trim();
const act = (id: string, what: string) => docker('POST', `/containers/${id}/${what}`);
const boundsOf = async (made: Pick<ContainerTarget, 'target'>) =>
  (await platform.attach(made.target)).bounds as BoundsCapability;
const tagged = async () => (await host.discover({ env: { ZASHIKI_WORKER: `re2:^test-${process.pid}-` } })).length;

const bare: ContainerOptions = { image: 'scratch-sleeper' };
const bounded: ContainerOptions = { ...bare, hostConfig: { Memory: 96 * 2 ** 20, PidsLimit: 100, NanoCpus: 5e8 } };

describe.skipIf(unable)(`the cgroup of a container${unable ? `: skipped, ${unable}` : ''}`, () => {
  for (const [fault, params] of [
    [cpuStress, { load: 50 }],
    [memoryStress, { size: '16MiB' }],
    [ioStress, { path: '/', size: '1MiB' }],
  ] as const) {
    test(`${fault.id} works in the cgroup of the container`, async () => {
      const made = await containerTarget(bare);
      const { plan, inject, recover, context } = await staged(fault as AnyFault, made.target, params);
      const undo = await plan();
      await inject(undo);
      const workers = await host.discover({ env: { ZASHIKI_WORKER: context.tag } });
      expect(workers.length).toBeGreaterThan(0);
      for (const { identity } of workers) {
        const lines = readFileSync(`/proc/${identity.pid}/cgroup`, 'utf8').trim().split('\n');
        const bounding = lines.filter((line) => /^\d+:(.*(cpu|memory|pids|blkio).*|):/.test(line));
        expect(bounding.filter((line) => !line.includes(made.id))).toEqual([]);
      }
      await recover(undo);
    });
  }

  test('memory-stress refuses more than fits in the cgroup', async () => {
    const made = await containerTarget(bounded);
    const { plan } = await staged(memoryStress, made.target, { size: '200MiB' });
    await expect(plan()).rejects.toMatchObject({ code: 'refused', hint: expect.stringMatching(/memory-exhaust/) });
  });

  test('pids-exhaust: a program of the container cannot start another one', async () => {
    const made = await containerTarget();
    const { plan, inject, observe, recover, verify } = await staged(pidsExhaust, made.target);
    const bounds = await boundsOf(made);
    const before = (await bounds.tasks(await bounds.locate('pids'))).max;
    const undo = await plan();
    await inject(undo);
    expect(await observe(undo)).toMatchObject({ yes: true, detail: expect.stringMatching(/ 0 more possible/) });
    const forks = () => ask(made.id, 'sh', '-c', 'sleep 0; echo forked').catch((error) => `${error}`);
    expect(await forks()).not.toBe('forked');
    expect((await observe(undo)).detail).toMatch(/[1-9]\d* refused so far/);
    await recover(undo);
    // systemd bounds every service and container.
    expect(await verify(undo)).toEqual({ yes: true, detail: `bound ${before === -1 ? 'none' : before}, as before` });
    expect(await forks()).toBe('forked');
  });

  test('pids-exhaust leaves a bound that somebody else has set meanwhile', async () => {
    const made = await containerTarget(bounded);
    const { plan, inject, recover, verify } = await staged(pidsExhaust, made.target);
    const undo = await plan();
    await inject(undo);
    await docker('POST', `/containers/${made.id}/update`, { PidsLimit: 77 });
    await recover(undo);
    expect(await verify(undo)).toMatchObject({
      yes: true,
      detail: expect.stringMatching(/^the bound is 77: somebody/),
    });
  });

  test('pids- and memory-exhaust: a container that was started again has the bounds it was made with', async () => {
    for (const [fault, params] of [
      [pidsExhaust, {}],
      [memoryExhaust, { victim: 'worker', limit: '80MiB' }],
    ] as const) {
      const made = await containerTarget({ ...bare, hostConfig: { PidsLimit: 100, Memory: 200 * 2 ** 20 } });
      const { plan, inject, recover, verify } = await staged(fault as AnyFault, made.target, params);
      const undo = await plan();
      await inject(undo);
      await act(made.id, 'restart?t=0');
      await recover(undo).catch((error) => expect(error).toMatchObject({ code: 'target-gone' }));
      await verify(undo).then(
        ({ yes }) => expect(yes).toBe(true),
        (error) => expect(error).toMatchObject({ code: 'target-gone' }),
      );
      const bounds = await boundsOf({ ...made, target: await targetOfContainer(made.id) });
      expect((await bounds.tasks(await bounds.locate('pids'))).max).toBe(100);
      expect((await bounds.memory(await bounds.locate('memory'))).max).toBe(200 * 2 ** 20);
      expect(await tagged()).toBe(0);
    }
  });

  test('memory-exhaust ends the main process, and the engine knows why', async () => {
    const made = await containerTarget({ ...bare, hostConfig: { Memory: 96 * 2 ** 20 } });
    const { plan, inject, observe, recover, verify } = await staged(memoryExhaust, made.target);
    const undo = await plan();
    await inject(undo);
    expect(await observe(undo)).toEqual({ yes: true, detail: 'the OOM killer ended the main process' });
    await expect.poll(async () => (await made.inspect()).State.Status, { timeout: 10_000 }).toBe('exited');
    expect((await made.inspect()).State).toMatchObject({ OOMKilled: true, ExitCode: 137 });
    await recover(undo);
    expect(await verify(undo)).toMatchObject({
      yes: true,
      detail: expect.stringMatching(/cgroup of the target is gone/),
    });
    expect(await tagged()).toBe(0);
  });

  test('memory-exhaust refuses a container without a bound, and one whose OOM killer is off', async () => {
    const free = await containerTarget(bare);
    const { plan } = await staged(memoryExhaust, free.target);
    await expect(plan()).rejects.toMatchObject({ code: 'refused', hint: expect.stringMatching(/give a limit/) });
    const off = await containerTarget({ ...bare, hostConfig: { Memory: 96 * 2 ** 20, OomKillDisable: true } });
    if (!(await off.inspect()).HostConfig.OomKillDisable) return;
    const other = await staged(memoryExhaust, off.target);
    await expect(other.plan()).rejects.toMatchObject({
      code: 'not-supported',
      hint: expect.stringMatching(/oom-kill/),
    });
  });

  test('a helper in a container that ends or is paused: it is ended, and nothing of the cgroup stays', async () => {
    const cgroups = async (id: string) =>
      (await run('find', ['/sys/fs/cgroup', '-type', 'd', '-name', `*${id}*`])).stdout.trim();
    for (const how of ['kill', 'remove', 'pause'] as const) {
      const made = await containerTarget(bare);
      const { plan, inject, recover, verify } = await staged(cpuStress, made.target, { load: 10 });
      const undo = await plan();
      await inject(undo);
      if (how === 'remove') await made.remove();
      else await act(made.id, how);
      if (how === 'kill') await docker('POST', `/containers/${made.id}/wait`);
      await recover(undo);
      expect(await verify(undo)).toEqual({ yes: true, detail: 'no worker is left' });
      await made.remove();
      await expect.poll(() => cgroups(made.id)).toBe('');
    }
  });
});
