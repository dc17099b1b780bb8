import { chmodSync, existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openTransport } from '../remote/index.ts';
import { issued, makeCertificates } from './certs.ts';
import { readAddress } from './listen.ts';
import { startAgent, startVictim, testFolder } from './testing.ts';

describe('CM-25 mutual TLS', async () => {
  test('who has a certificate of the CA, with the right name, is let in; nobody else', async () => {
    const folder = testFolder();
    const tls = join(folder, 'tls');
    await makeCertificates(tls);
    const agent = await startAgent(folder, { listen: ['127.0.0.1:0'], args: ['--tls-dir', tls] });
    const status = (at: { tls?: string; tokenFile?: string }) =>
      openTransport({ url: agent.url, ...at })('/v1/status', null);
    expect(await status({ tls })).toMatchObject({ status: 200 });

    // Another name, by the same CA.
    const wrongName = copied(folder, tls, 'wrong-name');
    await makeCertificates(wrongName, { client: 'somebody' });
    expect(await status({ tls: wrongName })).toMatchObject({
      status: 403,
      body: { error: { message: expect.stringContaining('somebody') } },
    });
    // A certificate of another CA.
    const other = join(folder, 'other');
    await makeCertificates(other);
    writeFileSync(join(other, 'ca.crt'), read(join(tls, 'ca.crt')));
    expect(await status({ tls: other })).toMatchObject({ status: 401 });
    // One that has expired.
    const old = copied(folder, tls, 'old');
    const ca = { cert: read(join(tls, 'ca.crt')), key: read(join(tls, 'ca.key')) };
    const expired = await issued(ca, { name: 'zashiki-controller', servers: [], days: -1 });
    writeFileSync(join(old, 'client.crt'), expired.cert);
    writeFileSync(join(old, 'client.key'), expired.key);
    expect(await status({ tls: old })).toMatchObject({ status: 401 });
    // A server's certificate is none of a client's.
    const server = copied(folder, tls, 'server');
    writeFileSync(join(server, 'client.crt'), read(join(tls, 'server.crt')));
    writeFileSync(join(server, 'client.key'), read(join(tls, 'server.key')));
    expect((await status({ tls: server })).status).toBeGreaterThanOrEqual(401);
    // No certificate at all; an agent that is not ours.
    const bare = join(folder, 'bare');
    mkdirSync(bare);
    writeFileSync(join(bare, 'ca.crt'), read(join(tls, 'ca.crt')));
    const tokenFile = join(folder, 'token');
    writeFileSync(tokenFile, 'x'.repeat(40));
    expect(await status({ tls: bare, tokenFile })).toMatchObject({ status: 401 });
    const stranger = join(folder, 'stranger');
    await makeCertificates(stranger);
    await expect(status({ tls: stranger })).rejects.toMatchObject({ code: 'peer-unavailable' });
    // Whether it lives is no secret.
    expect(await openTransport({ url: agent.url, tls: bare, tokenFile })('/healthz', null)).toMatchObject({
      status: 200,
    });
  });

  test('a refused client changes nothing', async () => {
    const folder = testFolder();
    const tls = join(folder, 'tls');
    await makeCertificates(tls);
    const agent = await startAgent(folder, { listen: ['127.0.0.1:0'], args: ['--tls-dir', tls] });
    const victim = await startVictim();
    const wrong = copied(folder, tls, 'wrong');
    await makeCertificates(wrong, { client: 'somebody' });
    const plan = {
      target: { platform: 'host', selector: { pid: victim.pid } },
      fault: 'process-pause',
      params: {},
      tag: 'x.i1',
      ttl: null,
    };
    expect((await openTransport({ url: agent.url, tls: wrong })('/v1/plan', plan)).status).toBe(403);
    expect(existsSync(join(agent.state, 'runs')) && statSync(join(agent.state, 'runs')).nlink).toBe(2);
  });

  test('a CA that is there is used again; keys are for their owner only', async () => {
    const folder = testFolder();
    const tls = join(folder, 'tls');
    await makeCertificates(tls);
    const before = read(join(tls, 'ca.crt'));
    await makeCertificates(tls, { servers: ['node1.example', '10.0.0.5'] });
    expect(read(join(tls, 'ca.crt'))).toBe(before);
    expect(statSync(join(tls, 'client.key')).mode & 0o777).toBe(0o600);
  });
});

describe('CM-25 token', () => {
  test('the right one is let in, a wrong one and none are not; it may be changed while the agent runs', async () => {
    const folder = testFolder();
    const [right, wrong] = [join(folder, 'right'), join(folder, 'wrong')];
    writeFileSync(right, `${'r'.repeat(40)}\n`);
    writeFileSync(wrong, 'w'.repeat(40));
    const agent = await startAgent(folder, { listen: ['127.0.0.1:0'], args: ['--token-file', right] });
    const status = async (tokenFile?: string) =>
      (await openTransport({ url: agent.url, ...(tokenFile ? { tokenFile } : {}) })('/v1/status', null)).status;
    expect([await status(right), await status(wrong), await status()]).toEqual([200, 401, 401]);
    writeFileSync(right, read(wrong));
    expect(await status(wrong)).toBe(200);
  });

  test('without TLS it listens on loopback only, and never without any secret', async () => {
    const folder = testFolder();
    const token = join(folder, 'token');
    writeFileSync(token, 't'.repeat(40));
    await expect(startAgent(folder, { listen: ['0.0.0.0:0'], args: ['--token-file', token] })).rejects.toThrow(
      /there is no TLS/,
    );
    await expect(startAgent(folder, { listen: ['127.0.0.1:0'] })).rejects.toThrow(/whoever can reach this port/);
    writeFileSync(token, 'short');
    await expect(startAgent(folder, { args: ['--token-file', token] })).rejects.toThrow(/shorter than/);
  });
});

test('the socket is for its owner only; what stands there from an earlier life is no hindrance', async () => {
  const folder = testFolder();
  const agent = await startAgent(folder);
  expect(statSync(join(folder, 'agent.sock')).mode & 0o777).toBe(0o600);
  await agent.kill();
  const next = await startAgent(folder);
  expect(await next.transport('/healthz', null)).toMatchObject({ status: 200 });
});

test('nothing changes on GET, and what is wrong is said by field', async () => {
  const agent = await startAgent(testFolder());
  const get = await agent.transport('/v1/plan', null);
  expect(get).toMatchObject({ status: 405, body: { error: { hint: 'use POST' } } });
  const bad = await agent.transport('/v1/plan', {
    target: { platform: 'host', selector: {} },
    fault: 'process-pause',
    params: {},
    tag: '../x',
    ttl: null,
  });
  expect(bad).toMatchObject({
    status: 400,
    body: { error: { code: 'usage', message: expect.stringContaining('tag: ') } },
  });
  const unknown = await agent.transport('/v1/plan', {
    target: { platform: 'host', selector: { pid: 1 } },
    fault: 'process-puase',
    params: {},
    tag: 'x',
    ttl: null,
  });
  expect(unknown).toMatchObject({
    status: 400,
    body: { error: { code: 'unknown-fault', hint: 'did you mean "process-pause"?' } },
  });
  const params = await agent.transport('/v1/plan', {
    target: { platform: 'host', selector: { pid: process.pid } },
    fault: 'process-priority',
    params: { nice: 'x' },
    tag: 'x',
    ttl: null,
  });
  expect(params).toMatchObject({
    status: 400,
    body: { error: { code: 'document-invalid', message: expect.stringContaining('nice') } },
  });
  const on = await agent.transport('/v1/targets', {
    platform: 'host',
    selector: { agent: 'https://elsewhere:7475', machine: true },
  });
  expect(on).toMatchObject({ status: 400, body: { error: { message: expect.stringContaining('no other agent') } } });
});

test.each(['nonsense', '1.2.3.4', 'unix:relative', '127.0.0.1:99999'])('--listen %s is refused', (text) => {
  expect(() => readAddress(text)).toThrow(/neither HOST:PORT nor unix/);
});

function copied(folder: string, from: string, name: string): string {
  const to = join(folder, name);
  mkdirSync(to);
  for (const file of ['ca.crt', 'ca.key', 'client.crt', 'client.key'])
    writeFileSync(join(to, file), read(join(from, file)));
  chmodSync(to, 0o700);
  return to;
}

function read(path: string): string {
  return process.getBuiltinModule('node:fs').readFileSync(path, 'utf8');
}
