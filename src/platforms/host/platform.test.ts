import { expect, test } from 'vitest';
import { testPlatform } from '../contract.ts';
import { requireLinux } from './identity.ts';
import host from './platform.ts';
import { openProc } from './proc.ts';
import { eventually, replaced, start, targetOf } from './testing.ts';

testPlatform(host, {
  start: async () => {
    const env = { PATH: process.env.PATH, ZASHIKI_TEST: `${process.pid}.${Math.random()}` };
    const started = [await start('sleep', ['100'], { env }), await start('sleep', ['100'], { env })];
    await eventually(
      async () => (await host.discover({ name: 'sleep', env: { ZASHIKI_TEST: env.ZASHIKI_TEST } })).length === 2,
    );
    return {
      selector: { name: 'sleep', env: { ZASHIKI_TEST: env.ZASHIKI_TEST } },
      end: async ({ identity }) => {
        const victim = started.find(({ pid }) => pid === identity.pid);
        victim?.child.kill('SIGKILL');
        await victim?.ended;
      },
      replaced,
      stop: async () => {
        for (const { child } of started) child.kill('SIGKILL');
      },
    };
  },
  none: { name: 'no-such-name', pid: 4_000_000 },
  wrong: [
    { selector: {}, says: /says nothing/ },
    { selector: { command: 're2:(?=x)' }, says: /^command: not an RE2 expression/ },
    { selector: { nmae: 'x' }, says: /nmae/ },
  ],
  unable: process.platform === 'linux' ? undefined : 'needs Linux',
});

test('where there is no Linux, it says what is needed and what works', () => {
  const refused = expect(() => requireLinux(openProc(), 'darwin'));
  refused.toThrow(expect.objectContaining({ code: 'not-supported', hint: expect.stringContaining('Linux host') }));
  const bare = expect(() => requireLinux(openProc('/nonexistent')));
  bare.toThrow(expect.objectContaining({ code: 'not-supported', message: expect.stringContaining('/nonexistent') }));
});

test('an identity that is none is refused, not guessed', async () => {
  const target = { ...(await targetOf(process.pid)), identity: { pid: '1' } };
  await expect(host.check(target)).rejects.toMatchObject({ code: 'plan-invalid' });
  await expect(host.attach(target)).rejects.toMatchObject({ code: 'plan-invalid' });
});

test('handles of another machine are refused', async () => {
  const [machine] = await host.discover({ machine: true });
  if (!machine) throw new Error('no machine');
  const other = { ...machine, identity: { machine: 'another' } };
  expect(await host.check(other)).toBe('gone');
  await expect(host.attach(other)).rejects.toMatchObject({ code: 'target-gone' });
});
