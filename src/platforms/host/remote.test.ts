import { expect, test } from 'vitest';
import { startAgent, testFolder } from '../../agent/testing.ts';
import { testPlatform } from '../contract.ts';
import host from './platform.ts';
import { endpointOf } from './remote.ts';
import { eventually, replaced, start } from './testing.ts';

testPlatform(host, {
  start: async () => {
    const agent = await startAgent(testFolder());
    const env = { PATH: process.env.PATH, ZASHIKI_TEST: `${process.pid}.${Math.random()}` };
    const started = [await start('sleep', ['100'], { env }), await start('sleep', ['100'], { env })];
    const selector = { agent: agent.url, name: 'sleep', env: { ZASHIKI_TEST: env.ZASHIKI_TEST } };
    await eventually(async () => (await host.discover(host.selector.parse(selector))).length === 2);
    return {
      selector,
      end: async ({ identity }) => {
        const victim = started.find(({ pid }) => pid === identity.pid);
        victim?.child.kill('SIGKILL');
        await victim?.ended;
      },
      replaced,
      stop: async () => {
        for (const { child } of started) child.kill('SIGKILL');
        await agent.stop();
      },
    };
  },
  // Nobody is asked for what cannot be.
  none: { name: 'no-such-name', pid: 4_000_000 },
  wrong: [
    { selector: { agent: 'https://node1:7475' }, says: /says nothing/ },
    { selector: { agent: 'node1', name: 'x' }, says: /^agent: write https/ },
    { selector: { agent: { url: 'https://node1', lease: '1h' }, name: 'x' }, says: /^agent/ },
    { selector: { name: 'x', parent: { agent: 'https://node1:7475', name: 'y' } }, says: /^parent: .*same machine/ },
  ],
  unable: process.platform === 'linux' ? undefined : 'needs Linux',
});

test('an endpoint means the same everywhere: whole paths, the rest from the environment', () => {
  const env = { ZASHIKI_AGENT_TLS: '/etc/tls', ZASHIKI_AGENT_TOKEN_FILE: '/etc/token' };
  expect(endpointOf('https://node1:7475/', env)).toEqual({
    url: 'https://node1:7475',
    tls: '/etc/tls',
    tokenFile: '/etc/token',
  });
  // Who names certificates means them, and no token.
  expect(endpointOf({ url: 'https://node1', tls: 'tls' }, env)).toEqual({
    url: 'https://node1',
    tls: `${process.cwd()}/tls`,
  });
  expect(endpointOf('unix:/run/agent.sock', env)).toEqual({ url: 'unix:/run/agent.sock' });
});
