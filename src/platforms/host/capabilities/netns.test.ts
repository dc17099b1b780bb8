import { spawnSync } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import type { TargetRef } from '../../../core/model.ts';
import host from '../platform.ts';
import { openProc } from '../proc.ts';
import { eventually, isRoot, needsRoot, replaced, start, targetOf } from '../testing.ts';
import { netnsCapability } from './netns.ts';

const proc = openProc();
const of = (target: TargetRef) => netnsCapability(target, proc);
const machine: TargetRef = { platform: 'host', id: 'machine', name: 'x', identity: {} };

/** A process in a network namespace of its own. */
async function apart() {
  const { pid, child, ended } = await start('unshare', ['--net', 'sleep', '1000']);
  const ours = readlinkSync('/proc/self/ns/net');
  await eventually(() => readlinkSync(`/proc/${pid}/ns/net`) !== ours && proc.argv(pid)[0] === 'sleep');
  return { pid, child, ended, target: await targetOf(pid) };
}

test('a process of the machine lives in its namespace', async () => {
  const { pid } = await start('sleep', ['1000']);
  const ours = await of(await targetOf(pid)).identify();
  const whole = await of(machine).identify();
  expect(ours).toEqual({ id: whole.id, machine: true });
  expect(whole.isMachine).toBe(true);
  expect(ours.id).toMatch(/^net:\d+@[0-9a-f-]{36}$/);
});

test('our own namespace takes no privilege', async () => {
  const { pid } = await start('sleep', ['1000']);
  const netns = of(await targetOf(pid));
  const open = await netns.open((await netns.identify()).id);
  expect(await open.run(['sh', '-c', 'cat; echo no >&2; exit 7'], { input: 'given' })).toEqual({
    code: 7,
    stdout: 'given',
    stderr: 'no\n',
  });
});

test('programs run in the namespace of the target', async (context) => {
  if (!isRoot) context.skip(`${needsRoot}: a network namespace of its own`);
  const { pid, target } = await apart();
  const netns = of(target);
  const { id, machine } = await netns.identify();
  expect(machine).toBe(false);
  const open = await netns.open(id);
  const seen = await open.run(['readlink', '/proc/self/ns/net']);
  expect(seen).toEqual({ code: 0, stdout: `${readlinkSync(`/proc/${pid}/ns/net`)}\n`, stderr: '' });
  expect((await open.run(['ip', '-o', 'link'])).stdout.split('\n').filter(Boolean)).toHaveLength(1);
});

test('a helper runs there, and is found and ended by its tag', async (context) => {
  if (!isRoot) context.skip(`${needsRoot}: a network namespace of its own`);
  const { pid, target } = await apart();
  const netns = of(target);
  const open = await netns.open((await netns.identify()).id);
  const tag = `test-${process.pid}-netns`;
  onTestFinished(() => open.stop(tag));
  const helper = await open.start({ argv: ['sleep', '1000'], tag });
  await eventually(() => proc.argv(helper)[0]?.endsWith('sleep'));
  expect(readlinkSync(`/proc/${helper}/ns/net`)).toBe(readlinkSync(`/proc/${pid}/ns/net`));
  expect(await open.find(tag)).toEqual([helper]);
  await open.stop(tag);
  expect(await open.find(tag)).toEqual([]);
});

test('a namespace outlives its target while another process is in it', async (context) => {
  if (!isRoot) context.skip(`${needsRoot}: a network namespace of its own`);
  const { pid, child, ended, target } = await apart();
  const { id, birth } = await of(target).identify();
  const other = await start('nsenter', [`--net=/proc/${pid}/ns/net`, 'sleep', '1001']);
  await eventually(() => readlinkSync(`/proc/${other.pid}/ns/net`) === readlinkSync(`/proc/${pid}/ns/net`));
  const open = await of(target).open(id);
  child.kill('SIGKILL');
  await ended;
  await expect(of(target).identify()).rejects.toMatchObject({ code: 'target-gone' });
  expect((await open.run(['true'])).code).toBe(0);
  for (const pinned of [target, replaced(target)]) {
    expect((await (await of(pinned).open(id, birth)).run(['true'])).code).toBe(0);
  }
  other.child.kill('SIGKILL');
  await other.ended;
  await expect(open.run(['true'])).rejects.toMatchObject({ code: 'target-gone' });
  await expect(of(target).open(id)).rejects.toMatchObject({ code: 'target-gone' });
});

test('a namespace that only a helper of ours still lives in is opened, and its helper ended', async (context) => {
  if (!isRoot) context.skip(`${needsRoot}: a network namespace of its own`);
  const { child, ended, target } = await apart();
  const { id, birth } = await of(target).identify();
  const tag = `test-${process.pid}-left`;
  onTestFinished(() => of(target).stop(tag));
  const helper = await (await of(target).open(id, birth)).start({ argv: ['sleep', '1000'], tag });
  await eventually(() => proc.argv(helper)[0]?.endsWith('sleep'));
  child.kill('SIGKILL');
  await ended;
  // As a reaper does it: all that it has is what was written down.
  const later = await of(target).open(id, birth);
  expect((await later.run(['true'])).code).toBe(0);
  if (birth) await expect(of(target).open(id, 'cookie:another')).rejects.toMatchObject({ code: 'target-gone' });
  await later.stop(tag);
  expect(await of(target).find(tag)).toEqual([]);
  await expect(of(target).open(id, birth)).rejects.toMatchObject({ code: 'target-gone' });
});

test('helpers are found and ended by their tag when no namespace is left to open', async () => {
  const { pid, child, ended } = await start('sleep', ['1000']);
  const target = await targetOf(pid);
  child.kill('SIGKILL');
  await ended;
  const tag = `test-${process.pid}-lost`;
  const netns = of(target);
  onTestFinished(() => netns.stop(tag));
  const whole = of(machine);
  const helper = await (await whole.open((await whole.identify()).id)).start({ argv: ['sleep', '1000'], tag });
  await eventually(() => proc.argv(helper)[0]?.endsWith('sleep'));
  expect(await netns.find(tag)).toEqual([helper]);
  await netns.stop(tag);
  expect(await netns.find(tag)).toEqual([]);
});

test('a namespace outlives its target while it is mounted somewhere', async (context) => {
  if (!isRoot) context.skip(`${needsRoot}: a network namespace of its own`);
  const name = `zsk-test-${process.pid}`;
  expect(spawnSync('ip', ['netns', 'add', name]).status).toBe(0);
  onTestFinished(() => void spawnSync('ip', ['netns', 'del', name]));
  const { child, ended, pid } = await start('ip', ['netns', 'exec', name, 'sleep', '1000']);
  await eventually(() => proc.argv(pid)[0] === 'sleep');
  const target = await targetOf(pid);
  const { id, birth } = await of(target).identify();
  child.kill('SIGKILL');
  await ended;
  const open = await of(target).open(id, birth);
  expect((await open.run(['readlink', '/proc/self/ns/net'])).stdout).toContain(id.slice(4, id.indexOf('@')));
  spawnSync('ip', ['netns', 'del', name]);
  await expect(open.run(['true'])).rejects.toMatchObject({ code: 'target-gone' });
});

test('a namespace of another boot is gone', async () => {
  const open = of(machine).open('net:4026531840@00000000-0000-0000-0000-000000000000');
  await expect(open).rejects.toMatchObject({ code: 'target-gone' });
});

test('a program that is not installed is named with its package', async () => {
  const open = await of(machine).open((await of(machine).identify()).id);
  await expect(open.run(['no-such-program-here'])).rejects.toMatchObject({ code: 'not-supported' });
});

test('a program that hangs is ended', async () => {
  const open = await of(machine).open((await of(machine).identify()).id);
  expect(await open.run(['sleep', '1000'], { timeoutMs: 100 })).toMatchObject({
    code: -1,
    stderr: expect.stringContaining('SIGKILL'),
  });
});

test('a process that ended says so', async () => {
  const { pid, child, ended } = await start('sleep', ['1000']);
  const target = await targetOf(pid);
  child.kill('SIGKILL');
  await ended;
  await expect(of(target).identify()).rejects.toMatchObject({ code: 'target-gone' });
});

test('processes and the machine offer their namespace', async () => {
  expect(host.offers(machine)).toContain('netns');
  expect(host.offers({ ...machine, id: 'pid:1' })).toContain('netns');
});
