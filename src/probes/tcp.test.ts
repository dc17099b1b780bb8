import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterAll, expect, test } from 'vitest';
import type { Json } from '../core/model.ts';
import probe from './tcp.ts';

const open: Server[] = [];
afterAll(() => {
  for (const server of open) server.close();
});

async function listen(serve: (socket: Socket) => void): Promise<number> {
  const server = createServer({ allowHalfOpen: false }, (socket) => {
    socket.on('error', () => {});
    serve(socket);
  });
  open.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

const closedPort = async (): Promise<number> => {
  const port = await listen(() => {});
  await new Promise((resolve) => open.pop()?.close(resolve));
  return port;
};

const never = new AbortController().signal;
const context = { count: async () => 0 };
const read = (params: object, signal = never) => probe.read(probe.params.parse(params), signal, context);
const look = async (params: object, tolerance?: Json) =>
  probe.judge(await read(params), probe.tolerance.parse(tolerance));

test('an open port connects, a closed one does not, and either may be wanted', async () => {
  const port = await listen(() => {});
  const closed = await closedPort();
  expect(await look({ port })).toBeNull();
  expect(await look({ port: closed })).toBe(`connection refused by 127.0.0.1:${closed}`);
  expect(await look({ port: closed }, { connects: false })).toBeNull();
  expect(await look({ port }, { connects: false })).toBe('a connection was accepted, none wanted');
  expect(await look({ port }, { latency: '20s' })).toBeNull();
});

test('the connection is closed after each reading', async () => {
  const ended: Promise<unknown>[] = [];
  const port = await listen((socket) => ended.push(new Promise((resolve) => socket.on('close', resolve))));
  await read({ port });
  await expect.poll(() => ended.length, { timeout: 10_000 }).toBe(1);
  await ended[0];
});

test('a talk: what is sent arrives, what is expected is found across chunks', async () => {
  const port = await listen((socket) => {
    socket.on('data', (data) => {
      socket.write(`+PO`);
      setTimeout(() => socket.write(`NG ${data.toString().trim()}\r\n`), 20);
    });
  });
  const params = { port, send: 'hello\n', timeout: '10s' };
  expect(await look({ ...params, expect: '+PONG' })).toBeNull();
  expect((await read({ ...params, expect: 're2:PONG hel+o' })).value).toMatchObject({
    connects: true,
    received: '+PONG hello\r\n',
  });
});

test('another answer, an early end and silence are out of tolerance', async () => {
  const wrong = await listen((socket) => void socket.end('-ERR\r\n'));
  expect(await look({ port: wrong, expect: '+PONG', timeout: '10s' })).toBe(
    `"+PONG" did not come from 127.0.0.1:${wrong}, but "-ERR"`,
  );
  const silent = await listen(() => {});
  expect(await look({ port: silent, expect: 're2:.', timeout: '100ms' })).toBe(
    `"re2:." did not come from 127.0.0.1:${silent}, but ""`,
  );
});

test('an unknown name is an error even when no connection is wanted', async () => {
  const why = await look({ host: 'no-such-host.invalid', port: 1, timeout: '10s' }, { connects: false });
  expect(why).toMatch(/^host name (not found|lookup failed for now): no-such-host\.invalid$/);
});

test('an abort rejects with its reason', async () => {
  const port = await listen(() => {});
  const stop = new AbortController();
  const reading = read({ port, expect: 'x', timeout: '20s' }, stop.signal);
  setTimeout(() => stop.abort(new Error('enough')), 30);
  await expect(reading).rejects.toThrow('enough');
});

test.each([[{ port: 0 }], [{ port: 1.5 }], [{}], [{ port: 1, expect: 're2:[' }]])('%j is refused', (params) => {
  expect(probe.params.safeParse(params).success).toBe(false);
});
