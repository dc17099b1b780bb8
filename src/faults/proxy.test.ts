import { afterAll, expect, test } from 'vitest';
import { builtModules } from '../../test/fixtures/built.ts';
import { testContext } from '../../test/fixtures/living-target.ts';
import { ours, proxyParams, specimen } from '../../test/fixtures/proxy-target.ts';
import { startToxiproxy, toxiproxy } from '../../test/fixtures/toxiproxy.ts';
import proxy from '../platforms/proxy/platform.ts';
import { openProxyClient } from '../proxy/client.ts';
import { testFault } from './contract.ts';
import type { AnyFault } from './fault.ts';
import bandwidth from './proxy-bandwidth.ts';
import down from './proxy-down.ts';
import latency from './proxy-latency.ts';
import limitData from './proxy-limit-data.ts';
import resetPeer from './proxy-reset-peer.ts';
import slicer from './proxy-slicer.ts';
import slowClose from './proxy-slow-close.ts';
import timeout from './proxy-timeout.ts';

const built = await builtModules();
afterAll(built.remove);

/** Each with how the observation says that its effect was measured. */
const cases: readonly (readonly [AnyFault, RegExp])[] = [
  [latency, /first byte came after \d+ ms/],
  [bandwidth, /no answer/],
  [slowClose, /end came after \d+ ms/],
  [timeout, /no answer/],
  [resetPeer, /reset after/],
  [slicer, /read back/],
  [limitData, /closed after 2 bytes/],
  [down, /refused/],
];
const paramsOf = ({ id }: AnyFault): object => {
  const params = proxyParams[id];
  if (!params) throw new Error(`no parameters for the fault ${id}: add them to test/fixtures/proxy-target.ts`);
  return params;
};

for (const [fault] of cases) {
  testFault(fault, {
    test: (name, run) => test(name, run, 120_000),
    platform: proxy,
    specimen: async () => specimen(paramsOf(fault), await ours()),
    modules: built.modulesOf(fault.id, 'proxy'),
    kills: 2,
  });
}

const rows = cases.map(([fault, says]) => ({ id: fault.id, fault, params: paramsOf(fault), says }));

test.for(rows)('$id measures its effect through the proxy, and tells when it is not there', async (row) => {
  await measured(row.fault, row.params, row.says, await ours());
});

test.for(rows)('$id on a real Toxiproxy', { timeout: 400_000 }, async (row, context) => {
  const programs = toxiproxy();
  if ('missing' in programs) return context.skip(programs.missing);
  await measured(row.fault, row.params, row.says, await startToxiproxy(programs.server));
});

async function measured(fault: AnyFault, params: object, says: RegExp, server: { url: string; stop(): Promise<void> }) {
  const it = await specimen(params, server);
  const context = await testContext();
  try {
    const on = (await proxy.attach(it.target)) as never;
    const given = fault.params.parse(params);
    const undo = await fault.plan(on, given, context);
    expect((await fault.observe(on, given, undo, context)).yes).toBe(false);
    await fault.inject(on, given, undo, context);
    expect(await fault.observe(on, given, undo, context)).toEqual({ yes: true, detail: expect.stringMatching(says) });
    await fault.recover(on, undo, context);
    expect((await fault.verify(on, undo, context)).yes).toBe(true);
  } finally {
    await it.end();
  }
}

test('the server takes a toxic off by itself when nobody recovers', async () => {
  const server = await ours();
  const it = await specimen({}, server);
  const context = { ...(await testContext()), ttl: -4800 };
  try {
    const on = (await proxy.attach(it.target)) as never;
    const given = latency.params.parse({ latency: '1s' });
    // The server waits 5 s longer than the fault should last.
    await latency.inject(on, given, { name: 'zashiki-left', before: null }, context);
    expect(JSON.stringify(await it.snapshot())).toContain('zashiki-left');
    await expect
      .poll(async () => JSON.stringify(await it.snapshot()), { timeout: 20_000 })
      .not.toContain('zashiki-left');
  } finally {
    await it.end();
  }
});

test('a proxy that somebody else has disabled stays so', async () => {
  const server = await ours();
  const it = await specimen({}, server);
  const context = await testContext();
  try {
    const client = openProxyClient({ url: server.url });
    await client.call('POST', ['proxies', 'echo'], { enabled: false });
    const on = (await proxy.attach(it.target)) as never;
    const undo = await down.plan(on, {}, context);
    await down.inject(on, {}, undo, context);
    await down.recover(on, undo, context);
    expect((await client.proxy('echo')).enabled).toBe(false);
  } finally {
    await it.end();
  }
});
