import { expect, test } from 'vitest';
import type { Target } from '../../core/model.ts';
import { findProgram } from '../../faults/parts/programs.ts';
import host from './platform.ts';
import { openProc, type ProcFs } from './proc.ts';
import { isOurs, protection, spare } from './protect.ts';
import { endAfter, eventually, pidsOf, start, startNode, targetOf } from './testing.ts';
import { viewOf } from './view.ts';

const reason = async (pid: number) => (await targetOf(pid)).protected;

test('ourselves, all our ancestors and pid 1 are protected', async () => {
  expect(await reason(process.pid)).toBe('Zashiki itself');
  expect(await reason(process.ppid)).toBe('an ancestor of Zashiki');
  const grandparent = Number((await targetOf(process.ppid)).labels.ppid);
  if (grandparent > 1) expect(await reason(grandparent)).toBe('an ancestor of Zashiki');
  expect(await reason(1)).toBe('pid 1');
});

test('who is spared is judged now, from where we are, and not from the plan', async () => {
  const seen = async (pid: number) => {
    // Pinned without a word of protection, as a plan that another process made would have it.
    const { protected: _, ...target } = await targetOf(pid);
    return host.spare(target);
  };
  expect(await seen(process.pid)).toBe('Zashiki itself');
  expect(await seen(process.ppid)).toBe('an ancestor of Zashiki');
  expect(await seen(1)).toBe('pid 1');
  const victim = await start('sleep', ['100']);
  expect(await seen(victim.pid)).toBeNull();
  const other = await targetOf(victim.pid);
  // The process that runs now descends from the target: it was a candidate to the one that made the plan.
  const child = await start('sh', ['-c', 'sleep 100 & echo $!; wait']);
  const below = Number(await child.line);
  endAfter(below);
  expect(spare(await targetOf(child.pid), openProc(), below)).toBe('an ancestor of Zashiki');
  expect(spare(other, openProc(), below)).toBeNull();
  const env = { PATH: process.env.PATH, ZASHIKI_PROTECT: '1' };
  expect(await seen((await start('sleep', ['100'], { env })).pid)).toBe('opted out by ZASHIKI_PROTECT');
  const [machine] = await host.discover({ machine: true });
  expect(await host.spare(machine as Target)).toBeNull();
});

test('a process that we started is a candidate', async () => {
  expect(await reason((await start('sleep', ['100'])).pid)).toBeUndefined();
});

test('kernel threads are protected', async (context) => {
  const targets = await host.discover({ name: ['kthreadd', 're2:^kworker/'] });
  const threads = targets.filter(({ labels }) => !labels.exe && labels.command?.startsWith('['));
  if (threads.length === 0) context.skip('no kernel threads are visible here (a container?)');
  expect(new Set(threads.map((target) => target.protected))).toEqual(new Set(['a kernel thread']));
});

test('zombies are protected, and gone for every other purpose', async () => {
  // exec makes the shell a sleep that never waits for the shell's child.
  const parent = await start('sh', ['-c', 'sleep 0.05 & exec sleep 100']);
  const zombie = await eventually(async () => {
    const children = await host.discover({ parent: parent.pid });
    return children.find((target) => target.protected?.startsWith('a zombie'));
  });
  expect(await host.check(zombie)).toBe('gone');
  const { signal } = await host.attach(zombie);
  expect(await signal?.state()).toBe('zombie');
  await expect(signal?.send('SIGTERM')).rejects.toMatchObject({ code: 'target-gone' });
});

test('processes of Zashiki, and those that opt out', async () => {
  const with_ = async (variables: Record<string, string>) =>
    reason((await start('sleep', ['100'], { env: { PATH: process.env.PATH, ...variables } })).pid);
  expect(await with_({ ZASHIKI_PROTECT: '1' })).toBe('opted out by ZASHIKI_PROTECT');
  expect(await with_({ ZASHIKI_PROTECT: '0' })).toBeUndefined();
  expect(await with_({ ZASHIKI_WORKER: 'run.i1' })).toBe('a process of Zashiki');
  // What a restart fault started again may be hit again.
  expect(await with_({ ZASHIKI_RESPAWN: 'run.i1' })).toBeUndefined();
  const titled = await startNode(`process.title = 'zashiki: reaper'`);
  expect(await reason(titled.pid)).toBe('a process of Zashiki');
  expect(await pidsOf({ command: 'zashiki: reaper' })).toContain(titled.pid);
});

test('an ordinary user is told at once whose processes are out of reach', async (context) => {
  if (process.getuid?.() === 0) {
    if (!findProgram('setpriv')) context.skip('needs setpriv to become an ordinary user');
    const asNobody = ['--reuid=65534', '--regid=65534', '--clear-groups', '--', 'sleep', '100'];
    const observer = await start('setpriv', asNobody);
    const victim = await start('sleep', ['100']);
    await eventually(() => openProc().status(observer.pid).uid === 65534);
    // As seen from a process without CAP_KILL.
    const proc = openProc();
    const seen = protection(proc, observer.pid)(viewOf(proc, proc.stat(victim.pid)));
    expect(seen).toMatch(/^belongs to another user \(root\); run as/);
    // Out of reach is not protected: whoever asks for it all the same is told by the kernel.
    expect(protection(proc, observer.pid, { anyOwner: true })(viewOf(proc, proc.stat(victim.pid)))).toBeUndefined();
    expect(spare(await targetOf(victim.pid), proc, observer.pid)).toBeNull();
    const peer = await start('setpriv', asNobody);
    await eventually(() => openProc().status(peer.pid).uid === 65534);
    expect(spare(await targetOf(peer.pid), openProc(), observer.pid)).toBeNull();
    return;
  }
  const foreign = (await host.discover({ user: 0 })).filter(({ id }) => id !== 'pid:1');
  if (foreign.length === 0) context.skip('no processes of root are visible here');
  for (const target of foreign) expect(target.protected).toBeDefined();
});

test('a process whose environment cannot be read is protected', async () => {
  const { pid } = await start('sleep', ['100']);
  const proc = openProc();
  const blind: ProcFs = {
    ...proc,
    environ(of, text) {
      if (of === pid) throw Object.assign(new Error('denied'), { code: 'EACCES' });
      return proc.environ(of, text);
    },
  };
  expect(spare(await targetOf(pid), blind)).toMatch('ZASHIKI_PROTECT cannot be ruled out');
});

test('command lines of ours', () => {
  const ours = [
    ['zashiki', 'monkey'],
    ['/usr/bin/node', '/usr/bin/zashiki', 'daemon'],
    ['node', '--enable-source-maps', '/opt/x/dist/cli/main.cjs', 'reaper', '/tmp'],
    ['/usr/bin/node', '--max-semi-space-size=1', '/opt/zashiki/dist/cli/reaper.js', '/var/lib/zashiki', 'run-1'],
    ['zashiki: reaper'],
    ['/usr/local/bin/nightmare-monkey'],
  ];
  const others = [
    [],
    ['node', 'app.js', 'zashiki'],
    ['vim', '-R', '/etc/zashiki.yaml'],
    ['grep', '-r', 'x'],
    ['zashikid'],
  ];
  expect(ours.filter((argv) => !isOurs(argv))).toEqual([]);
  expect(others.filter(isOurs)).toEqual([]);
});
