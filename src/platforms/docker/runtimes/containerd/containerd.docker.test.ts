import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { dockerHost, unable, unique } from '../../../../../test/fixtures/docker.ts';
import docker from '../../platform.ts';

/** The containerd of the lab's engine, in a namespace of our own. */
const socket = () => join(dirname(dockerHost().replace(/^unix:\/\//, '')), 'exec/containerd/containerd.sock');
const namespace = unique('zt');
const cannot =
  unable ?? (existsSync(socket()) && existsSync('/usr/bin/busybox') ? undefined : 'needs ctr and busybox-static');
const ctr = (...args: string[]) =>
  execFileSync('ctr', ['--address', socket(), '--namespace', namespace, ...args], { encoding: 'utf8', stdio: 'pipe' });
const root = mkdtempSync(join(tmpdir(), 'zashiki-containerd-'));
const engine = () => ({ url: `unix://${socket()}`, namespace });
const select = (more: object) => docker.selector.parse({ runtime: 'containerd', engine: engine(), ...more });

beforeAll(() => {
  if (cannot) return;
  for (const folder of ['bin', 'dev', 'proc', 'sys', 'tmp']) mkdirSync(join(root, folder));
  copyFileSync('/usr/bin/busybox', join(root, 'bin/busybox'));
  for (const name of ['sh', 'sleep', 'cat', 'id']) symlinkSync('busybox', join(root, 'bin', name));
});
afterAll(() => {
  rmSync(root, { recursive: true, force: true });
  if (!cannot) ctr('namespaces', 'remove', namespace);
});

/** A container that ends on SIGTERM; removed when the test ends. */
function container(labels: Readonly<Record<string, string>> = {}): string {
  const id = unique('zt');
  const flags = Object.entries(labels).flatMap(([key, value]) => ['--label', `${key}=${value}`]);
  const program = ['/bin/sh', '-c', 'trap "exit 0" TERM; sleep 600 & wait'];
  ctr('run', '--detach', '--rootfs', '--env', 'PATH=/bin', ...flags, root, id, ...program);
  onTestFinished(() => {
    try {
      ctr('tasks', 'rm', '--force', id);
    } catch {
      // It had none.
    }
    if (ctr('containers', 'ls', '--quiet').split('\n').includes(id)) ctr('containers', 'rm', id);
  });
  return id;
}

async function only(selector: object) {
  const found = await docker.discover(select(selector));
  expect(found).toHaveLength(1);
  const [target] = found;
  if (!target) throw new Error('nothing was found');
  const { lifecycle, exec, cgroup, netns } = await docker.attach(target);
  if (!lifecycle || !exec || !cgroup || !netns) throw new Error('a capability is missing');
  return { target, lifecycle, exec, cgroup, netns };
}

describe.skipIf(cannot)('containerd', () => {
  test('labels, and the names that Kubernetes gives', async () => {
    const labels = {
      'io.kubernetes.pod.namespace': 'shop',
      'io.kubernetes.pod.name': 'web-1',
      'io.kubernetes.container.name': 'app',
      'io.cri-containerd.kind': 'container',
    };
    const id = container(labels);
    container({ ...labels, 'io.cri-containerd.kind': 'sandbox' });
    container({ other: 'true' });
    const { target, lifecycle } = await only({ labels: { 'io.kubernetes.pod.name': 'web-1' } });
    expect([target.name, target.identity.id]).toEqual(['shop/web-1/app', id]);
    expect((await only({ name: 're2:^shop/.*/app$' })).target.id).toBe(target.id);
    expect(await lifecycle.vanishes()).toBe(true);
    expect(await docker.check(target)).toBe('same');
  });

  test('pause, unpause, stop, start, restart, kill and remove; each of them twice', async () => {
    const { lifecycle, target } = await only({ name: container() });
    const status = async () => (await lifecycle.state()).status;
    for (const _ of [1, 2]) await lifecycle.pause();
    expect(await status()).toBe('paused');
    for (const _ of [1, 2]) await lifecycle.unpause();
    expect(await status()).toBe('running');
    await lifecycle.pause();
    for (const _ of [1, 2]) await lifecycle.stop({ grace: 20_000 });
    expect(await status()).toBe('exited');
    expect(await docker.check(target)).toBe('gone');
    for (const _ of [1, 2]) await lifecycle.start();
    const first = (await lifecycle.state()).startedAt;
    await lifecycle.restart({ grace: 20_000 });
    const second = await lifecycle.state();
    expect([second.status, second.startedAt === first]).toEqual(['running', false]);
    for (const _ of [1, 2]) await lifecycle.kill('SIGKILL');
    expect(await status()).toBe('exited');
    for (const _ of [1, 2]) await lifecycle.remove({ force: true, volumes: true, links: false });
    expect(await status()).toBe('gone');
    await expect(lifecycle.kill('SIGKILL')).rejects.toMatchObject({ code: 'target-gone' });
  });

  test('programs inside: output, code, user; what is not there', async () => {
    const { exec } = await only({ name: container() });
    const both = await exec.run(['sh', '-c', 'echo out; echo err >&2; exit 7']);
    expect(both).toEqual({ code: 7, stdout: 'out\n', stderr: 'err\n' });
    expect((await exec.run(['id', '-u'], { user: '1234' })).stdout).toBe('1234\n');
    expect((await exec.run(['nosuch'])).code).toBe(126);
    expect((await exec.run(['sh', '-c', 'trap "" TERM; sleep 7777'], { timeoutMs: 1500 })).code).toBe(-1);
    await expect.poll(async () => (await exec.run(['ps', '-o', 'args'])).stdout).not.toContain('trap');
  });

  test('its cgroup and its network are within reach', async () => {
    const { cgroup, netns } = await only({ name: container() });
    const tag = unique('zt');
    const { inside } = await cgroup.start({ argv: ['sleep', '600'], tag });
    expect(inside).toBe(true);
    await cgroup.stop(tag);
    expect(await cgroup.find(tag)).toEqual([]);
    const { id, machine } = await netns.identify();
    expect(machine).toBe(false);
    const { code, stdout } = await (await netns.open(id)).run(['ip', '-o', 'link']);
    expect([code, stdout.trim().split('\n').length]).toEqual([0, 1]);
  });

  test('a container cannot be made again as it was, and that is said', async () => {
    const { lifecycle } = await only({ name: container() });
    await expect(lifecycle.blueprint()).rejects.toMatchObject({ code: 'not-supported' });
  });
});

test('no daemon: the socket is named', async () => {
  const engine = { url: 'unix:///nowhere/containerd.sock' };
  await expect(
    docker.discover(docker.selector.parse({ runtime: 'containerd', engine, name: 'x' })),
  ).rejects.toMatchObject({
    code: 'peer-unavailable',
    message: expect.stringContaining('/nowhere/containerd.sock'),
  });
});
