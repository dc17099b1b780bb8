import { statSync } from 'node:fs';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { builtModules } from '../../test/fixtures/built.ts';
import { containerTarget, staged, targetOfContainer } from '../../test/fixtures/container-target.ts';
import { docker, network, unable, unique } from '../../test/fixtures/docker.ts';
import platform from '../platforms/docker/platform.ts';
import containerExec from './container-exec.ts';
import containerKill from './container-kill.ts';
import containerPause from './container-pause.ts';
import containerRecreate from './container-recreate.ts';
import containerRemove from './container-remove.ts';
import containerRestart from './container-restart.ts';
import containerStart from './container-start.ts';
import containerStop from './container-stop.ts';
import { testFault } from './contract.ts';
import { writeNote } from './parts/notes.ts';

const built = await builtModules();
afterAll(built.remove);

const stubborn = ['sh', '-c', 'trap "" TERM; while :; do sleep 1; done'];
const act = (id: string, what: string) => docker('POST', `/containers/${id}/${what}`);
// biome-ignore lint/suspicious/noExplicitAny: the engine's answers have no types here
const inspect = (name: string): Promise<any> => docker('GET', `/containers/${name}/json`);
const quietRemove = (name: string) => docker('DELETE', `/containers/${name}?force=1&v=1`).catch(() => undefined);

/** What a person would miss if it had changed. */
async function settings(name: string) {
  const { Name, Config, HostConfig, Mounts, State, NetworkSettings } = await inspect(name);
  const { Running, Paused } = State;
  const networks = Object.entries(NetworkSettings.Networks as Record<string, { Aliases: string[] | null }>);
  const aliases = networks.map(([id, { Aliases }]) => [
    id,
    (Aliases ?? []).filter((alias) => !/^[0-9a-f]{12}$/.test(alias)),
  ]);
  const { Hostname: _, ...config } = Config;
  return { Name, config, HostConfig, Mounts, Running, Paused, aliases };
}

describe.skipIf(unable)(`faults of containers${unable ? `: skipped, ${unable}` : ''}`, () => {
  for (const [fault, params] of [
    [containerPause, {}],
    [containerRestart, { grace: '300ms' }],
    [containerRecreate, {}],
  ] as const) {
    testFault(fault, {
      test,
      platform,
      modules: built.modulesOf(fault.id, 'docker'),
      kills: 2,
      async specimen() {
        const name = unique();
        const net = await network();
        const made = await containerTarget({
          name,
          config: { Env: ['SECRET=hunter2'], NetworkingConfig: { EndpointsConfig: { [net]: { Aliases: ['shop'] } } } },
          hostConfig: { Binds: [`${name}:/data`], NetworkMode: net },
        });
        const end = async () => {
          await quietRemove(name);
          await docker('DELETE', `/volumes/${name}`).catch(() => undefined);
        };
        return { target: made.target, params, snapshot: () => settings(name), end };
      },
    });
  }

  test('container-kill ends it at once, and says with which code', async () => {
    const made = await containerTarget();
    const { plan, inject, observe } = await staged(containerKill, made.target);
    const undo = await plan();
    await inject(undo);
    expect(await observe(undo)).toEqual({ yes: true, detail: 'ended by SIGKILL, exit code 137' });
  });

  test('container-kill says that a main process lives on which does not handle the signal', async () => {
    const made = await containerTarget({ cmd: ['sleep', '3600'] });
    const { plan, inject, observe } = await staged(containerKill, made.target, { signal: 'TERM', within: '500ms' });
    const undo = await plan();
    await inject(undo);
    expect(await observe(undo)).toMatchObject({
      yes: false,
      detail: expect.stringMatching(/still runs after SIGTERM/),
    });
    const hup = await staged(containerKill, made.target, { signal: 1 });
    const again = await hup.plan();
    await hup.inject(again);
    expect(await hup.observe(again)).toMatchObject({
      yes: true,
      detail: expect.stringMatching(/SIGHUP, which it may/),
    });
  });

  test('container-kill reaches a paused container', async () => {
    const made = await containerTarget();
    await act(made.id, 'pause');
    const { plan, inject, observe } = await staged(containerKill, made.target);
    const undo = await plan();
    await inject(undo);
    expect(await observe(undo)).toMatchObject({ yes: true, detail: expect.stringMatching(/^ended by SIGKILL/) });
  });

  test('container-kill, -stop, -pause and -restart refuse a container that has ended, and know one that is gone', async () => {
    const made = await containerTarget();
    await act(made.id, 'stop?t=0');
    for (const fault of [containerKill, containerStop, containerPause, containerRestart, containerRecreate]) {
      const { plan } = await staged(fault, made.target);
      await expect(plan()).rejects.toMatchObject({
        code: 'not-supported',
        message: expect.stringMatching(/has ended/),
      });
    }
    await made.remove();
    for (const fault of [containerKill, containerStop, containerPause, containerRestart, containerRemove]) {
      const { plan } = await staged(fault, made.target);
      await expect(plan()).rejects.toMatchObject({ code: 'target-gone' });
    }
  });

  test('container-start starts what has ended, once; it refuses what runs, and knows what is gone', async () => {
    const made = await containerTarget({ cmd: ['sh', '-c', 'exit 3'] });
    await vi.waitUntil(async () => !(await inspect(made.id)).State.Running, { timeout: 30_000 });
    const short = await staged(containerStart, made.target);
    const first = await short.plan();
    expect(await short.observe(first)).toMatchObject({ yes: false, detail: expect.stringMatching(/was not started$/) });
    await short.inject(first);
    await vi.waitUntil(async () => !(await inspect(made.id)).State.Running, { timeout: 30_000 });
    const { StartedAt } = (await inspect(made.id)).State;
    await short.inject(first);
    expect((await inspect(made.id)).State.StartedAt).toBe(StartedAt);
    expect(await short.observe(first)).toEqual({ yes: true, detail: 'was started, and has ended: exit code 3' });

    const other = await containerTarget();
    await act(other.id, 'stop?t=0');
    const { plan, inject, observe } = await staged(containerStart, other.target);
    const undo = await plan();
    await inject(undo);
    expect(await observe(undo)).toEqual({ yes: true, detail: 'runs' });
    await expect(plan()).rejects.toMatchObject({ code: 'not-supported' });
    await other.remove();
    await expect(plan()).rejects.toMatchObject({ code: 'target-gone' });
    await expect(inject(undo)).rejects.toMatchObject({ code: 'target-gone' });
  });

  test('container-stop asks by the signal of the label, and kills who does not listen', async () => {
    const usr1 = ['sh', '-c', 'trap "exit 7" USR1; trap "" TERM; while :; do sleep 0.1; done'];
    const labelled = await containerTarget({ cmd: usr1, labels: { 'com.gaiaadm.pumba.stop-signal': 'SIGUSR1' } });
    const polite = await staged(containerStop, labelled.target, { grace: '10s' });
    const undo = await polite.plan();
    await polite.inject(undo);
    expect(await polite.observe(undo)).toEqual({ yes: true, detail: 'stopped, exit code 7' });

    const made = await containerTarget({ cmd: stubborn });
    const { plan, inject, observe } = await staged(containerStop, made.target, { grace: '300ms' });
    const other = await plan();
    await inject(other);
    expect(await observe(other)).toEqual({ yes: true, detail: 'stopped, exit code 137' });
  });

  test('container-restart: the very same container runs again', async () => {
    const made = await containerTarget();
    const { plan, inject, observe, recover, verify } = await staged(containerRestart, made.target, { grace: '2s' });
    const undo = await plan();
    await inject(undo);
    expect(await observe(undo)).toMatchObject({ yes: true, detail: expect.stringMatching(/^stopped, exit code/) });
    await recover(undo);
    expect(await verify(undo)).toEqual({ yes: true, detail: 'runs again' });
    expect((await made.inspect()).State.Running).toBe(true);
  });

  test('container-restart refuses what vanishes when it stops', async () => {
    const made = await containerTarget({ hostConfig: { AutoRemove: true } });
    for (const fault of [containerRestart, containerRecreate]) {
      const { plan } = await staged(fault, made.target);
      await expect(plan()).rejects.toMatchObject({ code: 'not-supported', message: expect.stringMatching(/--rm/) });
    }
    expect((await made.inspect()).State.Running).toBe(true);
  });

  test('container-restart leaves a container down that somebody else has stopped before', async () => {
    const made = await containerTarget();
    const { plan, inject, recover, verify } = await staged(containerRestart, made.target);
    const undo = await plan();
    await act(made.id, 'stop?t=0');
    await expect(inject(undo)).rejects.toMatchObject({ code: 'target-gone' });
    await recover(undo);
    expect((await made.inspect()).State.Running).toBe(false);
    expect(await verify(undo)).toMatchObject({ yes: true, detail: expect.stringMatching(/not by us/) });
  });

  test('container-restart leaves alone what somebody else has brought up meanwhile', async () => {
    const made = await containerTarget();
    const { plan, inject, recover, verify } = await staged(containerRestart, made.target, { grace: '0s' });
    const undo = await plan();
    await inject(undo);
    await act(made.id, 'start');
    const { StartedAt } = (await made.inspect()).State;
    await recover(undo);
    expect((await made.inspect()).State.StartedAt).toBe(StartedAt);
    expect(await verify(undo)).toEqual({ yes: true, detail: 'runs again' });
  });

  test('container-restart starts what it has stopped although its notes are lost', async () => {
    const made = await containerTarget();
    const { plan, inject, recover, verify, context } = await staged(containerRestart, made.target, { grace: '0s' });
    const undo = await plan();
    await inject(undo);
    await rm(context.keep, { recursive: true });
    expect(await verify(undo)).toMatchObject({ yes: false });
    await recover(undo);
    expect((await made.inspect()).State.Running).toBe(true);
  });

  test('container-restart waits for a stop that is under way, of which nobody has heard', async () => {
    const made = await containerTarget({ cmd: stubborn });
    const { plan, recover, context } = await staged(containerRestart, made.target, { grace: '1s' });
    const undo = await plan();
    // As if inject had been killed right after it asked the engine.
    await writeNote(context, 'stopping');
    const { StartedAt } = (await made.inspect()).State;
    const stopping = act(made.id, 'stop?t=1');
    await recover(undo);
    await stopping;
    const { State } = await made.inspect();
    expect(State.Running).toBe(true);
    expect(State.StartedAt).not.toBe(StartedAt);
  });

  test('a container that was removed meanwhile is gone, not an error', async () => {
    for (const fault of [containerRestart, containerPause]) {
      const made = await containerTarget();
      const { plan, inject, recover, verify } = await staged(
        fault,
        made.target,
        fault === containerRestart ? { grace: '0s' } : {},
      );
      const undo = await plan();
      await inject(undo);
      await made.remove();
      await expect(recover(undo)).rejects.toMatchObject({ code: 'target-gone' });
      expect(await verify(undo)).toMatchObject({ yes: true, detail: 'the container is gone' });
    }
  });

  test('container-pause leaves a container paused that was paused before', async () => {
    const made = await containerTarget();
    await act(made.id, 'pause');
    const { plan, inject, recover, verify } = await staged(containerPause, made.target);
    const undo = await plan();
    await inject(undo);
    await recover(undo);
    expect((await made.inspect()).State.Status).toBe('paused');
    expect(await verify(undo)).toEqual({ yes: true, detail: 'paused, as before' });
  });

  test('container-pause leaves alone what was started anew and paused by somebody else', async () => {
    const made = await containerTarget();
    const { plan, inject, recover, verify } = await staged(containerPause, made.target);
    const undo = await plan();
    await inject(undo);
    await act(made.id, 'kill');
    await docker('POST', `/containers/${made.id}/wait`);
    await act(made.id, 'start');
    await recover(undo);
    expect(await verify(undo)).toMatchObject({ yes: true });
    await act(made.id, 'pause');
    await recover(undo);
    expect((await made.inspect()).State.Status).toBe('paused');
  });

  test('container-remove takes the anonymous volumes along, and leaves them when told so', async () => {
    const volumesOf = async (id: string) => (await inspect(id)).Mounts.map(({ Name }: { Name: string }) => Name);
    const exists = (name: string) =>
      docker('GET', `/volumes/${name}`).then(
        () => true,
        () => false,
      );
    for (const volumes of [true, false]) {
      const made = await containerTarget({ config: { Volumes: { '/data': {} } } });
      const [volume] = await volumesOf(made.id);
      onTestFinished(() => docker('DELETE', `/volumes/${volume}`).catch(() => undefined));
      const { plan, inject, observe } = await staged(containerRemove, made.target, { volumes });
      const undo = await plan();
      await inject(undo);
      expect(await observe(undo)).toEqual({ yes: true, detail: 'the container is gone' });
      expect(await exists(volume)).toBe(!volumes);
    }
  });

  test('container-recreate gives anonymous volumes back with what is in them, and keeps secrets to itself', async () => {
    const made = await containerTarget({ config: { Volumes: { '/data': {} }, Env: ['PASSWORD=hunter2'] } });
    onTestFinished(() => quietRemove(made.name));
    const write = await staged(containerExec, made.target, { command: ['sh', '-c', 'echo precious > /data/file'] });
    await write.inject(await write.plan());
    const { plan, inject, observe, recover, verify, context } = await staged(containerRecreate, made.target);
    const undo = await plan();
    expect(JSON.stringify(undo)).not.toMatch(/hunter2/);
    expect(await readFile(join(context.keep, 'blueprint.json'), 'utf8')).toMatch(/hunter2/);
    expect(statSync(join(context.keep, 'blueprint.json')).mode & 0o777).toBe(0o600);
    await inject(undo);
    expect(await observe(undo)).toEqual({ yes: true, detail: 'the container is gone' });
    await recover(undo);
    const { Id } = await inspect(made.name);
    expect(Id).not.toBe(made.id);
    expect(await verify(undo)).toEqual({ yes: true, detail: `made again as ${Id.slice(0, 12)}` });
    const read = await staged(containerExec, await targetOfContainer(Id), { command: 'cat /data/file' });
    const none = await read.plan();
    await read.inject(none);
    expect(await read.observe(none)).toEqual({ yes: true, detail: 'cat ended with exit code 0: precious' });
  });

  test('container-recreate leaves alone what somebody else has made again', async () => {
    const made = await containerTarget();
    const { plan, inject, recover, verify } = await staged(containerRecreate, made.target);
    const undo = await plan();
    await inject(undo);
    const other = await containerTarget({ name: made.name });
    await recover(undo);
    expect((await inspect(made.name)).Id).toBe(other.id);
    expect(await verify(undo)).toMatchObject({ yes: true, detail: `made again as ${other.id.slice(0, 12)}` });
  });

  test('container-exec runs a program without a shell, as whom it is told, and keeps what it said', async () => {
    const made = await containerTarget();
    const rows = [
      [{ command: `printf '%s|' 'a b' "c"` }, { yes: true, detail: 'printf ended with exit code 0: a b|c|' }],
      [
        { command: ['id', '-u'], user: 'nobody' },
        { yes: true, detail: 'id ended with exit code 0: 65534' },
      ],
      [{ command: ['sh', '-c', 'echo bad >&2; exit 3'] }, { yes: false, detail: 'sh ended with exit code 3: bad' }],
    ] as const;
    for (const [params, seen] of rows) {
      const { plan, inject, observe } = await staged(containerExec, made.target, params);
      const undo = await plan();
      await inject(undo);
      expect(await observe(undo)).toEqual(seen);
    }
    const long = await staged(containerExec, made.target, { command: 'seq 1 5000' });
    const undo = await long.plan();
    await long.inject(undo);
    expect((await long.observe(undo)).detail.length).toBeLessThan(1200);
  });

  test('container-exec says that a program is not there, and sees a container end by its own hand', async () => {
    const bare = await containerTarget({ image: 'scratch-sleeper' });
    const missing = await staged(containerExec, bare.target, { command: 'ls -l' });
    await expect(missing.inject(await missing.plan())).rejects.toMatchObject({ code: 'inject-failed' });
    const made = await containerTarget();
    const { plan, inject, observe } = await staged(containerExec, made.target, { command: 'kill 1' });
    const undo = await plan();
    await inject(undo);
    expect(await observe(undo)).toMatchObject({ yes: true });
    await expect.poll(async () => (await made.inspect()).State.Running).toBe(false);
  });

  test('two injections do not mix pause and restart of one life', async () => {
    const made = await containerTarget();
    const pause = await staged(containerPause, made.target);
    const restart = await staged(containerRestart, made.target);
    const claims = [
      containerPause.claims?.((await pause.plan()) as never),
      containerRestart.claims?.((await restart.plan()) as never),
    ];
    expect(claims[0]).toEqual(claims[1]);
    expect(await readdir(pause.context.keep)).toEqual([]);
  });
});
