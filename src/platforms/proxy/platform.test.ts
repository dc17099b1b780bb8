import { createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { startToxiproxy, toxiproxy } from '../../../test/fixtures/toxiproxy.ts';
import { openProxyClient } from '../../proxy/client.ts';
import { openProxyServer } from '../../proxy/server.ts';
import { testPlatform } from '../contract.ts';
import proxy from './platform.ts';

testPlatform(proxy, {
  start: async () => {
    const server = await openProxyServer({ port: 0 });
    const client = openProxyClient({ url: server.url });
    for (const name of ['beta', 'alpha', 'spare']) {
      await client.call('POST', ['proxies'], { name, listen: '127.0.0.1:0', upstream: `127.0.0.1:${name.length}` });
    }
    return {
      selector: { url: server.url, name: ['alpha', 're2:^bet'] },
      end: ({ name }) => client.call('DELETE', ['proxies', name]),
      replaced: (target) => ({ ...target, identity: { ...target.identity, listen: '127.0.0.1:1', upstream: 'x:1' } }),
      stop: () => server.close(),
    };
  },
  none: { url: await emptyServer(), name: 'no-such-name' },
  wrong: [
    { selector: {}, says: /would match every proxy/ },
    { selector: { name: 're2:(?=x)' }, says: /^name: .*not an RE2 expression/ },
    { selector: { nmae: 'x' }, says: /nmae/ },
    { selector: { name: 'x', url: 'a b' }, says: /^url: write a URL/ },
  ],
});

/** One for the whole file: nothing is ever put into it. */
async function emptyServer(): Promise<string> {
  return (await openProxyServer({ port: 0 })).url;
}

test('where no server listens, discovery says so, and a pinned proxy is gone', async () => {
  const port = await closedPort();
  const url = `http://127.0.0.1:${port}`;
  await expect(proxy.discover({ url, name: 'x' })).rejects.toMatchObject({ code: 'peer-unavailable' });
  const identity = { url, name: 'x', listen: '127.0.0.1:1', upstream: 'y:1' };
  const target = { platform: 'proxy', id: 'x', name: 'x', identity };
  expect(await proxy.check(target)).toBe('gone');
  const { toxics } = await proxy.attach(target);
  await expect(toxics?.remove('t')).rejects.toMatchObject({ code: 'target-gone' });
});

test('what undoes works on a proxy that was moved; what harms does not', async () => {
  const server = await openProxyServer({ port: 0 });
  onTestFinished(() => server.close());
  const client = openProxyClient({ url: server.url });
  await client.call('POST', ['proxies'], { name: 'p', listen: '127.0.0.1:0', upstream: 'a:1' });
  const [target] = await proxy.discover({ url: server.url, name: 'p' });
  if (!target) throw new Error('no target');
  const { toxics } = await proxy.attach(target);
  const toxic = { name: 'mine', type: 'latency', stream: 'upstream', toxicity: 1, attributes: { latency: 1 } } as const;
  await toxics?.put(toxic, 60_000);
  await client.call('POST', ['proxies', 'p'], { listen: '127.0.0.1:0', upstream: 'b:1' });
  await expect(toxics?.put({ ...toxic, name: 'more' }, null)).rejects.toMatchObject({ code: 'target-gone' });
  await expect(toxics?.setEnabled(false, null)).rejects.toMatchObject({ code: 'target-gone' });
  await toxics?.remove('mine');
  await toxics?.remove('mine');
  expect((await client.proxy('p')).toxics).toEqual([]);
});

test('the same works on a real Toxiproxy', { timeout: 400_000 }, async (context) => {
  const programs = toxiproxy();
  if ('missing' in programs) return context.skip(programs.missing);
  const peer = await startToxiproxy(programs.server);
  onTestFinished(() => peer.stop());
  const client = openProxyClient({ url: peer.url });
  await client.call('POST', ['proxies'], { name: 'p', listen: '127.0.0.1:0', upstream: 'a:1' });
  const [target] = await proxy.discover({ url: peer.url, upstream: 'a:1' });
  if (!target) throw new Error('no target');
  const { toxics } = await proxy.attach(target);
  if (!toxics) throw new Error('no toxics');
  const toxic = {
    name: 'mine',
    type: 'latency',
    stream: 'upstream',
    toxicity: 0.5,
    attributes: { latency: 1 },
  } as const;
  await toxics.put(toxic, 60_000);
  await toxics.put({ ...toxic, attributes: { latency: 2 } }, 60_000);
  expect(await toxics.list()).toEqual([{ ...toxic, attributes: { latency: 2, jitter: 0 } }]);
  await toxics.put({ ...toxic, stream: 'downstream' }, null);
  expect((await toxics.list())[0]?.stream).toBe('downstream');
  await toxics.remove('mine');
  await toxics.remove('mine');
  await toxics.setEnabled(false, 1000);
  expect(await toxics.enabled()).toBe(false);
  await toxics.setEnabled(true, null);
  expect(await toxics.enabled()).toBe(true);
  expect(await toxics.address()).toBe((await client.proxy('p')).listen);
});

const closedPort = () =>
  new Promise<number>((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
