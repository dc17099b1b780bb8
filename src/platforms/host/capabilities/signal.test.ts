import { expect, test } from 'vitest';
import host from '../platform.ts';
import { openProc } from '../proc.ts';
import { eventually, isRoot, replaced, start, startNode, targetOf } from '../testing.ts';
import { signalCapability } from './signal.ts';

const ways = [
  { way: 'through the descriptor', exact: true },
  { way: 'by pid', exact: false },
];

test.each(ways)('signals arrive $way', async ({ exact }) => {
  const { pid, ended } = await startNode(`process.on('SIGTERM', () => process.exit(7))`);
  const signal = signalCapability(await targetOf(pid), openProc(), exact);
  await signal.send('SIGSTOP');
  await eventually(async () => (await signal.state()) === 'stopped');
  await signal.send('SIGCONT');
  await eventually(async () => (await signal.state()) !== 'stopped');
  await signal.send('SIGTERM');
  expect(await ended).toBe(7);
  await eventually(async () => (await signal.state()) === 'gone');
  await expect(signal.send('SIGTERM')).rejects.toMatchObject({ code: 'target-gone' });
});

test.each(ways)('SIGKILL $way', async ({ exact }) => {
  const { pid, ended } = await start('sleep', ['100']);
  await signalCapability(await targetOf(pid), openProc(), exact).send('SIGKILL');
  expect(await ended).toBe('SIGKILL');
});

test.each(ways)('a process that took over the pid is never hit, $way', async ({ exact }) => {
  const { pid, child } = await start('sleep', ['100']);
  const signal = signalCapability(replaced(await targetOf(pid)), openProc(), exact);
  for (const name of ['SIGKILL', 'SIGTERM', 'SIGSTOP'] as const) {
    await expect(signal.send(name)).rejects.toMatchObject({ code: 'target-gone' });
  }
  expect(await signal.state()).toBe('gone');
  expect((await targetOf(pid)).id).toBe(`pid:${pid}`);
  expect([child.exitCode, child.signalCode]).toEqual([null, null]);
});

test('an identity of another boot is gone', async () => {
  const target = await targetOf((await start('sleep', ['100'])).pid);
  const later = { ...target, identity: { ...target.identity, bootId: 'another' } };
  expect(await host.check(target)).toBe('same');
  expect(await host.check(later)).toBe('gone');
  await expect((await host.attach(later)).signal?.send('SIGKILL')).rejects.toMatchObject({ code: 'target-gone' });
});

test('what belongs to somebody else: the owner and the capability are named', async (context) => {
  if (isRoot) context.skip('needs an ordinary user: root may signal everything');
  const signal = signalCapability(await targetOf(1), openProc());
  // Not SIGCONT: within a session anybody may send that to anybody. SIGWINCH does nothing to a program that ignores it.
  for (const name of ['SIGTERM', 'SIGWINCH'] as const) {
    await expect(signal.send(name)).rejects.toMatchObject({
      code: 'permission-missing',
      message: expect.stringContaining('root'),
      hint: expect.stringContaining('CAP_KILL'),
    });
  }
});

test('no descriptor is left open', async () => {
  const proc = openProc();
  const { pid } = await start('sleep', ['100']);
  const signal = signalCapability(await targetOf(pid), proc);
  const dirs = () =>
    proc.numbers(process.pid, 'fd').filter((fd) => {
      try {
        return proc.link(process.pid, `fd/${fd}`).startsWith('/proc/');
      } catch {
        return false;
      }
    });
  await signal.send('SIGTERM');
  await eventually(async () => (await signal.state()) === 'gone');
  await signal.send('SIGTERM').catch(() => {});
  expect(dirs()).toEqual([]);
});
