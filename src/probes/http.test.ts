import http from 'node:http';
import https from 'node:https';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Json } from '../core/model.ts';
import probe from './http.ts';
import { certificate } from './parts/certificate.fixture.ts';

const open: Server[] = [];
const connections = { count: 0 };
let base = '';
let elsewhere = '';

async function listen(server: Server): Promise<number> {
  open.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

beforeAll(async () => {
  elsewhere = `http://127.0.0.1:${await listen(http.createServer((req, res) => res.end(JSON.stringify(req.headers))))}`;
  const shop = http.createServer((req, res) => {
    const path = req.url ?? '';
    if (path === '/ok') return void res.end('all is well\n');
    if (path === '/json')
      return void res
        .setHeader('content-type', 'application/json')
        .end('{"cart":{"items":[{"n":1},{"n":3}]},"state":"open"}');
    if (path === '/slow') return void setTimeout(() => res.end('late'), 300);
    if (path === '/never') return void res.write('one byte, and no end');
    if (path === '/broken') {
      res.writeHead(200, { 'content-length': '100' }).write('x');
      return void res.socket?.destroy();
    }
    if (path === '/big') return void res.end(JSON.stringify({ text: 'x'.repeat(200_000) }));
    if (path === '/once') return void res.writeHead(302, { location: '/ok' }).end();
    if (path === '/loop') return void res.writeHead(302, { location: '/loop' }).end();
    if (path === '/away') return void res.writeHead(303, { location: `${elsewhere}/` }).end();
    if (path.startsWith('/status/')) return void res.writeHead(Number(path.slice(8))).end();
    const chunks: Buffer[] = [];
    req.on('data', (chunk: Buffer) => chunks.push(chunk));
    req.on('end', () =>
      res.end(JSON.stringify({ method: req.method, headers: req.headers, body: Buffer.concat(chunks).toString() })),
    );
  });
  shop.on('connection', () => connections.count++);
  base = `http://127.0.0.1:${await listen(shop)}`;
});

afterAll(() => {
  for (const server of open) {
    if (server instanceof http.Server) server.closeAllConnections();
    server.close();
  }
});

const never = new AbortController().signal;
const context = { count: async () => 0 };
const read = (params: object, signal = never) => probe.read(probe.params.parse(params), signal, context);
const look = async (params: object, tolerance?: Json) =>
  probe.judge(await read(params), probe.tolerance.parse(tolerance));

describe('what is good', () => {
  test.each<[string, Json | undefined, string | null]>([
    ['/ok', undefined, null],
    ['/ok', 200, null],
    ['/ok', '2xx', null],
    ['/ok', [204, '2xx'], null],
    ['/status/204', { status: [200, 204] }, null],
    ['/status/500', undefined, 'status 500, wanted 2xx'],
    ['/status/404', [200, '3xx'], 'status 404, wanted 200 or 3xx'],
    ['/status/503', { latency: '5s' }, 'status 503, wanted 2xx'],
    ['/ok', { body: 're2:is w..l' }, null],
    ['/ok', { body: 'all is well\n' }, null],
    ['/ok', { body: 'all is well' }, 'body "all is well" does not match "all is well"'],
    ['/ok', { body: 're2:^bad' }, 'body "all is well" does not match "re2:^bad"'],
    ['/json', { json: { path: '$.cart.items[0].n', equals: 1 } }, null],
    ['/json', { json: { path: '$.cart.items[*].n', min: 1, max: 3 } }, null],
    ['/json', { json: { path: '$.cart.items[*].n', max: 2 } }, 'at $.cart.items[*].n: 3 is above 2'],
    ['/json', { json: { path: '$.state', matches: 're2:^op' } }, null],
    ['/json', { json: { path: '$.state', min: 1 } }, 'at $.state: "open" is not a number'],
    ['/json', { json: [{ path: '$.state' }, { path: '$.till' }] }, 'nothing at $.till in the JSON'],
    ['/json', { json: { path: '$.cart.items', equals: [{ n: 1 }, { n: 3 }] } }, null],
    ['/ok', { json: { path: '$' } }, 'the body is not JSON: "all is well"'],
    ['/big', { json: { path: '$.text' } }, 'the body is longer than 64 KiB, too long to be judged as JSON'],
    ['/once', undefined, 'status 302, wanted 2xx'],
  ])('%s held against %j', async (path, tolerance, expected) => {
    expect(await look({ url: base + path, timeout: '20s' }, tolerance)).toBe(expected);
  });

  test('a good answer that is too slow is out of tolerance', async () => {
    expect(await look({ url: `${base}/slow`, timeout: '20s' }, { latency: '200ms' })).toMatch(
      /^took 3\d\d|^took \d+(\.\d)? ms, at most 200 ms wanted$/,
    );
    expect(await look({ url: `${base}/slow`, timeout: '20s' }, { latency: '15s' })).toBeNull();
  });
});

describe('what is sent', () => {
  test('method, headers and body arrive', async () => {
    const { value } = await read({ url: `${base}/echo`, method: 'post', headers: { 'X-Who': 'me' }, body: 'grüße' });
    const seen = JSON.parse((value as { body: string }).body);
    expect(seen).toMatchObject({ method: 'POST', body: 'grüße', headers: { 'x-who': 'me', connection: 'close' } });
  });

  test('each reading has a connection of its own', async () => {
    const before = connections.count;
    for (let i = 0; i < 3; i++) await read({ url: `${base}/ok` });
    expect(connections.count - before).toBe(3);
  });

  test('redirects are followed when asked for, not for ever, and without secrets to another origin', async () => {
    expect(await look({ url: `${base}/once`, followRedirects: true }, { body: 're2:well' })).toBeNull();
    expect((await read({ url: `${base}/loop`, followRedirects: true })).error).toBe(
      'more than 5 redirects, the last one to /loop',
    );
    const { value } = await read({
      url: `${base}/away`,
      method: 'POST',
      body: 'x',
      followRedirects: true,
      headers: { Authorization: 'Bearer t', 'X-Who': 'me' },
    });
    const seen = JSON.parse((value as { body: string }).body);
    expect(seen).toMatchObject({ 'x-who': 'me' });
    expect(seen).not.toHaveProperty('authorization');
    expect(seen).not.toHaveProperty('content-length');
  });
});

describe('what goes wrong is a sentence', () => {
  test('nobody listens', async () => {
    const port = await listen(createServer());
    await new Promise((resolve) => open.pop()?.close(resolve));
    expect(await read({ url: `http://127.0.0.1:${port}/` })).toMatchObject({
      error: `connection refused by 127.0.0.1:${port}`,
    });
  });

  test('no end of the answer', async () => {
    const { error } = await read({ url: `${base}/never`, timeout: '150ms' });
    expect(error).toBe(`no answer within 150 ms from ${new URL(base).host}`);
  });

  test('the answer breaks off', async () => {
    expect((await read({ url: `${base}/broken` })).error).toBe(
      `connection closed by ${new URL(base).host} before the full answer`,
    );
  });

  test('the peer hangs up, or speaks something else', async () => {
    const mute = await listen(createServer((socket) => socket.destroy()));
    expect((await read({ url: `http://127.0.0.1:${mute}/` })).error).toMatch(
      new RegExp(`^connection (closed|reset) by 127.0.0.1:${mute}`),
    );
    const other = await listen(createServer((socket) => socket.end('SSH-2.0-x\r\n')));
    expect((await read({ url: `http://127.0.0.1:${other}/` })).error).toMatch(
      `not an HTTP answer from 127.0.0.1:${other}`,
    );
  });

  test('an unknown name', async () => {
    const { error } = await read({ url: 'http://no-such-host.invalid/', timeout: '10s' });
    expect(error).toMatch(/^(host name not found|host name lookup failed for now): no-such-host\.invalid$/);
  });

  test('a certificate that nobody signed, unless insecure', async () => {
    const port = await listen(https.createServer(certificate, (_req, res) => res.end('secret')));
    const url = `https://127.0.0.1:${port}/`;
    expect((await read({ url, timeout: '10s' })).error).toMatch(
      /^TLS certificate of 127\.0\.0\.1:\d+ is not accepted: .*insecure: true/,
    );
    expect(await look({ url, timeout: '10s', insecure: true }, { body: 'secret' })).toBeNull();
    expect((await read({ url: `https://${new URL(base).host}/`, timeout: '10s' })).error).toMatch(/^no TLS spoken by/);
  });
});

test('an abort rejects with its reason and is no reading', async () => {
  const stop = new AbortController();
  const reading = read({ url: `${base}/never`, timeout: '20s' }, stop.signal);
  setTimeout(() => stop.abort(new Error('enough')), 50);
  await expect(reading).rejects.toThrow('enough');
  await expect(read({ url: `${base}/ok` }, AbortSignal.abort(new Error('too late')))).rejects.toThrow('too late');
});

test('the journal keeps status and latency, not the body', async () => {
  const { value } = await read({ url: `${base}/json` });
  expect(probe.brief?.(value)).toEqual({ status: 200, latency: expect.any(Number) });
  expect(probe.brief?.({ latency: 3 })).toEqual({ latency: 3 });
});

test.each([
  [{ url: 'ftp://x/' }, 'not an address'],
  [{ url: 'http://' }, 'not an address'],
  [{ url: 'http://x/', methd: 'GET' }, 'methd'],
  [{ url: 'http://x/', timeout: '1 second' }, 'not a duration'],
])('parameters %j are refused', (params, message) => {
  expect(() => probe.params.parse(params)).toThrow(message);
});

test.each([['6xx'], [99], [[]], [{ body: 're2:(' }], [{ json: { path: 'cart' } }], [{ satus: 200 }]])(
  'tolerance %j is refused',
  (tolerance) => {
    expect(probe.tolerance.safeParse(tolerance).success).toBe(false);
  },
);
