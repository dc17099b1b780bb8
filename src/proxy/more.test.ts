import { execFileSync, spawnSync } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';
import { expect, onTestFinished, test } from 'vitest';
import { parseClientHello } from './sni.ts';
import { call, echo, eventually, pause, proxyTo, startServer, toxic, upstream } from './testing.ts';

const folder = (): string => {
  const made = mkdtempSync(join(tmpdir(), 'zashiki-proxy-'));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
};

test('a toxic ends by itself after its ttl, and says how long it still has', async () => {
  const client = await startServer();
  const { listen } = await proxyTo(client, await echo());
  const made = await toxic(client, 'timeout', {}, { name: 'hole', ttl: 60_000 });
  expect(made.ttl).toBeGreaterThan(59_000);
  // An update may shorten it, and leaves it alone otherwise.
  const path = ['proxies', 'p', 'toxics', 'hole'];
  const kept = await client.call<{ ttl?: number }>('POST', path, { attributes: { timeout: 0 } });
  expect(kept.ttl).toBeGreaterThan(50_000);
  await client.call('POST', path, { ttl: 150 });
  await eventually(async () => (await client.proxy('p')).toxics.length === 0, 'the end of the toxic');
  const caller = await call(listen);
  caller.socket.write('x');
  await caller.received(1);
});

test('a ttl of 0 takes the end away', async () => {
  const client = await startServer({ ttl: 100 });
  await proxyTo(client, await echo());
  expect(await toxic(client, 'latency', { latency: 1 }, { name: 'stays', ttl: 0 })).not.toHaveProperty('ttl');
  expect(await toxic(client, 'latency', { latency: 1 }, { name: 'goes' })).toHaveProperty('ttl');
  await eventually(async () => (await client.proxy('p')).toxics.length === 1, 'the end of one');
  expect((await client.proxy('p')).toxics.map(({ name }) => name)).toEqual(['stays']);
});

test('a proxy that is disabled for a while comes back by itself, also when its port was taken meanwhile', async () => {
  const client = await startServer();
  const { listen } = await proxyTo(client, await echo());
  const answer = await client.call<{ ttl: number }>('POST', ['proxies', 'p'], { enabled: false, ttl: 200 });
  expect(answer.ttl).toBeGreaterThan(0);
  const thief = createServer();
  await new Promise<void>((resolve) => thief.listen(Number(listen.split(':')[1]), '127.0.0.1', resolve));
  await pause(400);
  expect((await client.proxy('p')).enabled).toBe(false);
  await new Promise((resolve) => thief.close(resolve));
  await eventually(async () => (await client.proxy('p')).enabled, 'the proxy');
  const caller = await call(listen);
  caller.socket.write('x');
  await caller.received(1);
});

test('deleting a disabled proxy ends its ttl too', async () => {
  const client = await startServer();
  const { listen } = await proxyTo(client, await echo());
  await client.call('POST', ['proxies', 'p'], { enabled: false, ttl: 100 });
  await client.call('DELETE', ['proxies', 'p']);
  await pause(300);
  expect(await (await call(listen)).ended()).toBe('ECONNREFUSED');
});

test('reset takes every toxic off and enables every proxy', async () => {
  const client = await startServer();
  await proxyTo(client, await echo());
  await toxic(client, 'latency', { latency: 1000 }, { ttl: 60_000 });
  await client.call('POST', ['proxies', 'p'], { enabled: false });
  await client.call('POST', ['reset']);
  expect(await client.proxy('p')).toMatchObject({ enabled: true, toxics: [] });
});

test('Unix sockets, on both sides; a socket file left behind is taken over, a used one is not', async () => {
  const client = await startServer();
  const own = join(folder(), 'proxy.sock');
  // A process that was killed leaves its file.
  const leave = `require('node:net').createServer().listen(${JSON.stringify(own)}, () => process.kill(process.pid, 'SIGKILL'))`;
  spawnSync(process.execPath, ['-e', leave]);
  expect(existsSync(own)).toBe(true);
  const behind = join(folder(), 'echo.sock');
  const server = createServer((socket) => socket.pipe(socket));
  await new Promise<void>((resolve) => server.listen(behind, resolve));
  onTestFinished(() => void server.close());
  const { listen } = await proxyTo(client, `unix:${behind}`, { listen: `unix://${own}` });
  expect(listen).toBe(`unix:${own}`);
  await toxic(client, 'latency', { latency: 100 });
  const caller = await call(listen);
  const began = performance.now();
  caller.socket.write('x');
  await caller.received(1);
  expect(performance.now() - began).toBeGreaterThan(90);
  await expect(client.call('POST', ['proxies'], { name: 'q', listen: `unix:${own}`, upstream: 'x:1' })).rejects.toThrow(
    /address already in use/,
  );
  await client.call('DELETE', ['proxies', 'p']);
  expect(existsSync(own)).toBe(false);
});

test('UDP: datagrams keep their borders, each client has answers of its own, toxics work', async () => {
  const client = await startServer();
  const server = createSocket('udp4');
  await new Promise<void>((resolve) => server.bind(0, '127.0.0.1', () => resolve()));
  onTestFinished(() => void server.close());
  server.on('message', (data, from) => server.send(`<${data}>`, from.port, from.address));
  const { listen } = await proxyTo(client, `udp://127.0.0.1:${server.address().port}`, { listen: 'udp://127.0.0.1:0' });
  expect(listen).toMatch(/^udp:\/\/127\.0\.0\.1:\d+$/);
  const port = Number(listen.split(':')[2]);
  const [a, b] = [await datagrams(port), await datagrams(port)];
  a.send('one');
  await eventually(() => a.got.length === 1);
  a.send('two');
  b.send('other');
  await eventually(() => a.got.length === 2 && b.got.length === 1);
  expect([a.got, b.got]).toEqual([['<one>', '<two>'], ['<other>']]);

  await toxic(client, 'latency', { latency: 150 }, { name: 'slow' });
  const began = performance.now();
  a.send('three');
  await eventually(() => a.got.length === 3);
  expect(performance.now() - began).toBeGreaterThan(140);
  await client.call('DELETE', ['proxies', 'p', 'toxics', 'slow']);

  await toxic(client, 'timeout', {}, { stream: 'upstream' });
  a.send('lost');
  await pause(150);
  expect(a.got.length).toBe(3);
});

async function datagrams(port: number): Promise<{ send(text: string): void; readonly got: string[] }> {
  const socket: Socket = createSocket('udp4');
  const got: string[] = [];
  socket.on('message', (data) => got.push(data.toString()));
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', () => resolve()));
  onTestFinished(() => void socket.close());
  return { send: (text) => socket.send(text, port, '127.0.0.1'), got };
}

test('TLS goes where its server name says, without being decrypted', async (context) => {
  if (spawnSync('openssl', ['version']).error) return context.skip('needs openssl');
  const client = await startServer();
  const [one, two] = [await tlsServer('one.example'), await tlsServer('two.example')];
  const plain = await upstream((socket) => socket.end('plain'));
  const sni = { 'one.example': one, '*.two.example': two };
  const { listen } = await proxyTo(client, plain, { sni });
  expect(await client.proxy('p')).toMatchObject({ sni });
  expect(await certificateOf(listen, 'one.example')).toBe('one.example');
  expect(await certificateOf(listen, 'WWW.two.example')).toBe('two.example');
  // What is no TLS, or asks for another name, goes to the upstream.
  const caller = await call(listen);
  caller.socket.write('hello');
  await caller.received(5);
  expect(caller.text()).toBe('plain');
});

async function tlsServer(name: string): Promise<string> {
  const own = folder();
  const [key, cert] = [join(own, 'key.pem'), join(own, 'cert.pem')];
  const subject = ['-subj', `/CN=${name}`, '-keyout', key, '-out', cert];
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  execFileSync('openssl', ['req', '-x509', ...kind, ...subject], { stdio: 'ignore' });
  const server = createTlsServer({ key: readFileSync(key), cert: readFileSync(cert) }, (socket) => socket.end(name));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no address');
  return `127.0.0.1:${address.port}`;
}

function certificateOf(listen: string, servername: string): Promise<string> {
  const port = Number(listen.split(':')[1]);
  return new Promise((resolve, reject) => {
    // The certificate is its own: what is looked at is which server answered.
    const socket = connectTls({ host: '127.0.0.1', port, servername, rejectUnauthorized: false }, () => {
      resolve(String(socket.getPeerCertificate().subject.CN));
      socket.destroy();
    });
    socket.once('error', reject);
  });
}

test('what is no ClientHello is told from what is not whole yet', () => {
  expect(parseClientHello(Buffer.from('GET / HTTP/1.1\r\n'))).toBeNull();
  expect(parseClientHello(Buffer.from([22, 3, 1, 0, 200, 1]))).toBe('more');
  expect(parseClientHello(Buffer.alloc(0))).toBe('more');
  expect(parseClientHello(Buffer.from([22, 3, 1, 0, 4, 2, 0, 0, 0]))).toBeNull();
});
