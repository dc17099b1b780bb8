import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { blackHole, call, echo, eventually, pause, proxyTo, startServer, toxic, untoxic, upstream } from './testing.ts';

const digest = (data: Uint8Array | string) => createHash('sha256').update(data).digest('hex');

/** All of it holds on the handles of sockets and on their streams. */
describe.each(['fast', 'plain'] as const)('wire %s', (wire) => {
  test('bytes pass unchanged, in order, both ways, while the other side is slow', async () => {
    const client = await startServer({ wire });
    const { listen } = await proxyTo(client, await echo());
    const sent = randomBytes(5_000_000);
    const caller = await call(listen);
    // Nobody reads for a while: everything in between must wait.
    caller.socket.pause();
    caller.socket.write(sent);
    await pause(200);
    caller.socket.resume();
    await caller.received(sent.length);
    expect(digest(Buffer.from(caller.text(), 'latin1'))).toBe(digest(sent));
  });

  test('each direction ends by itself', async () => {
    const client = await startServer({ wire });
    const heard: string[] = [];
    const to = await upstream((socket) => {
      socket.on('data', (data) => heard.push(data.toString()));
      // Answers only once the client has ended its side.
      socket.on('end', () => socket.end('late answer'));
    });
    const { listen } = await proxyTo(client, to);
    const caller = await call(listen, true);
    caller.socket.end('question');
    await caller.received('late answer'.length);
    expect([heard.join(''), caller.text(), await caller.ended()]).toEqual(['question', 'late answer', 'end']);
  });

  test('a reset goes on as a reset', async () => {
    const client = await startServer({ wire });
    const to = await upstream((socket) => socket.once('data', () => socket.resetAndDestroy()));
    const { listen } = await proxyTo(client, to);
    const caller = await call(listen);
    caller.socket.write('x');
    expect(await caller.ended()).toBe('ECONNRESET');
  });

  test('a client that resets is a reset for the upstream', async () => {
    const client = await startServer({ wire });
    let how = '';
    const to = await upstream((socket) => {
      socket.on('error', (error: NodeJS.ErrnoException) => {
        how = error.code ?? '';
      });
      socket.write('hello');
    });
    const { listen } = await proxyTo(client, to);
    const caller = await call(listen);
    await caller.received(5);
    caller.socket.resetAndDestroy();
    await eventually(() => how === 'ECONNRESET', 'the reset');
  });

  test('latency delays what is on its way, and lets go at once when it is taken off', async () => {
    const client = await startServer({ wire });
    const { listen } = await proxyTo(client, await echo());
    const caller = await call(listen);
    caller.socket.write('a');
    await caller.received(1);
    await toxic(client, 'latency', { latency: 300 }, { name: 'slow' });
    const began = performance.now();
    caller.socket.write('b');
    await caller.received(2);
    expect(performance.now() - began).toBeGreaterThanOrEqual(298);
    await client.call('POST', ['proxies', 'p', 'toxics', 'slow'], { attributes: { latency: 60_000 } });
    caller.socket.write('cd');
    await pause(100);
    expect(caller.bytes()).toBe(2);
    await untoxic(client, 'slow');
    await caller.received(4);
    caller.socket.write('e');
    await caller.received(5);
    expect(caller.text()).toBe('abcde');
  });

  test('a toxic that comes and goes in the middle of a flood loses no byte', async () => {
    const client = await startServer({ wire });
    const { listen } = await proxyTo(client, await echo());
    const caller = await call(listen);
    const sent = randomBytes(8_000_000);
    caller.socket.write(sent);
    for (let i = 0; i < 8; i++) {
      const stream = i % 2 === 0 ? 'upstream' : 'downstream';
      await toxic(client, 'latency', { latency: 5, jitter: 3 }, { name: `l${i}`, stream });
      await toxic(client, 'slicer', { average_size: 20_000, size_variation: 5000 }, { name: `s${i}`, stream });
      await pause(10);
      await client.call('POST', ['proxies', 'p', 'toxics', `l${i}`], { attributes: { latency: 1 } });
      await untoxic(client, `l${i}`);
      await untoxic(client, `s${i}`);
    }
    await caller.received(sent.length);
    expect(digest(Buffer.from(caller.text(), 'latin1'))).toBe(digest(sent));
  });

  test('bandwidth holds its rate', async () => {
    const client = await startServer({ wire });
    const { listen } = await proxyTo(client, await upstream((socket) => socket.write(randomBytes(600_000))));
    await toxic(client, 'bandwidth', { rate: 1000 });
    const began = performance.now();
    const caller = await call(listen);
    await caller.received(600_000);
    const took = performance.now() - began;
    // 600 KB at 1000 KB/s; a slow machine may only be slower.
    expect(took).toBeGreaterThan(550);
  });

  test('bandwidth 0 is a full stall, and what was held comes through after it', async () => {
    const client = await startServer({ wire });
    const { listen } = await proxyTo(client, await echo());
    await toxic(client, 'bandwidth', { rate: 0 }, { name: 'stall' });
    const caller = await call(listen);
    caller.socket.write('held');
    await pause(150);
    expect(caller.bytes()).toBe(0);
    await untoxic(client, 'stall');
    await caller.received(4);
    expect(caller.text()).toBe('held');
  });

  test('slow_close holds back the end only', async () => {
    const client = await startServer({ wire });
    const { listen } = await proxyTo(client, await upstream((socket) => socket.end('bye')));
    await toxic(client, 'slow_close', { delay: 300 });
    const caller = await call(listen);
    await caller.received(3);
    const got = performance.now();
    expect(await caller.ended()).toBe('end');
    expect(performance.now() - got).toBeGreaterThan(200);
  });

  test('timeout drops all data, then closes', async () => {
    const client = await startServer({ wire });
    const { listen } = await proxyTo(client, await echo());
    await toxic(client, 'timeout', { timeout: 200 });
    const began = performance.now();
    const caller = await call(listen);
    caller.socket.write('lost');
    await caller.ended();
    expect(caller.bytes()).toBe(0);
    expect(performance.now() - began).toBeGreaterThan(190);
  });

  test('timeout 0 keeps the connection open until it is taken off', async () => {
    const client = await startServer({ wire });
    const { listen } = await proxyTo(client, await echo());
    await toxic(client, 'timeout', { timeout: 0 }, { name: 'hole' });
    const caller = await call(listen);
    caller.socket.write('lost');
    await pause(150);
    expect(caller.socket.readyState).toBe('open');
    await untoxic(client, 'hole');
    await caller.ended();
    expect(caller.bytes()).toBe(0);
  });

  test('reset_peer resets, also on a connection that was there before', async () => {
    const client = await startServer({ wire });
    const { listen } = await proxyTo(client, await echo());
    const old = await call(listen);
    old.socket.write('a');
    await old.received(1);
    await toxic(client, 'reset_peer', { timeout: 50 });
    old.socket.write('b');
    expect(await old.ended()).toBe('ECONNRESET');
    const fresh = await call(listen);
    fresh.socket.write('c');
    expect(await fresh.ended()).toBe('ECONNRESET');
    expect(fresh.bytes()).toBe(0);
  });

  test('slicer cuts into pieces with a pause after each', async () => {
    const client = await startServer({ wire });
    const { listen } = await proxyTo(client, await echo());
    await toxic(client, 'slicer', { average_size: 100, size_variation: 20, delay: 5000 });
    const caller = await call(listen);
    const sent = randomBytes(1000);
    const began = performance.now();
    caller.socket.write(sent);
    await caller.received(sent.length);
    expect(digest(Buffer.from(caller.text(), 'latin1'))).toBe(digest(sent));
    expect(caller.arrivals.length).toBeGreaterThan(4);
    expect(performance.now() - began).toBeGreaterThan(30);
  });

  test('limit_data lets exactly so much through on each connection', async () => {
    const client = await startServer({ wire });
    const { listen } = await proxyTo(client, await upstream((socket) => socket.write(randomBytes(300_000))));
    await toxic(client, 'limit_data', { bytes: 123_456 });
    for (let i = 0; i < 2; i++) {
      const caller = await call(listen);
      expect(await caller.ended()).toBe('end');
      expect(caller.bytes()).toBe(123_456);
    }
  });

  test('disabling closes what is open and refuses what comes; enabling takes the same port', async () => {
    const client = await startServer({ wire });
    const { listen } = await proxyTo(client, await echo());
    const caller = await call(listen);
    caller.socket.write('a');
    await caller.received(1);
    await client.call('POST', ['proxies', 'p'], { enabled: false });
    await caller.ended();
    expect(await (await call(listen)).ended()).toBe('ECONNREFUSED');
    await client.call('POST', ['proxies', 'p'], { enabled: true });
    const next = await call(listen);
    next.socket.write('b');
    await next.received(1);
    expect((await client.proxy('p')).listen).toBe(listen);
  });

  test('everything is closed again: nothing is open when all clients have gone', async () => {
    const client = await startServer({ wire, metrics: { proxy: true, runtime: false } });
    const { listen } = await proxyTo(client, await echo());
    await toxic(client, 'latency', { latency: 20 }, { stream: 'upstream' });
    const open = async () =>
      /zashiki_proxy_connections_open\{proxy="p"\} (\d+)/.exec(
        await (await fetch(`${client.url}/metrics`)).text(),
      )?.[1];
    for (let i = 0; i < 20; i++) {
      const caller = await call(listen);
      caller.socket.write('x');
      if (i % 2 === 0) await caller.received(1);
      if (i % 4 < 2) caller.socket.destroy();
      else if (i % 4 === 2) caller.socket.end();
      else caller.socket.resetAndDestroy();
    }
    await eventually(async () => (await open()) === '0', 'all to be closed');
  });
});

test('an upstream that swallows connections does not keep others waiting', async () => {
  const client = await startServer({ dialTimeout: 1500 });
  const good = await echo();
  let swallowed = true;
  const { listen } = await proxyTo(client, await blackHole());
  const stuck = await Promise.all([call(listen), call(listen)]);
  const gone = Promise.all(stuck.map((caller) => caller.ended())).then(() => {
    swallowed = false;
  });
  await client.call('POST', ['proxies'], { name: 'good', listen: '127.0.0.1:0', upstream: good });
  const other = await call((await client.proxy('good')).listen);
  other.socket.write('x');
  await other.received(1);
  expect(swallowed).toBe(true);
  // It was given up in time.
  await gone;
});

test('toxicity is drawn for each connection, and the same seed draws the same', async () => {
  const draws = async (seed: number) => {
    const client = await startServer({ seed });
    const { listen } = await proxyTo(client, await echo());
    await toxic(client, 'limit_data', { bytes: 0 }, { toxicity: 0.5 });
    const hit: boolean[] = [];
    for (let i = 0; i < 24; i++) {
      const caller = await call(listen);
      caller.socket.write('x');
      hit.push(
        await Promise.race([
          caller.ended().then(() => true),
          caller.received(1).then(
            () => false,
            () => true,
          ),
        ]),
      );
      caller.socket.destroy();
    }
    return hit.join();
  };
  const [one, again, other] = [await draws(7), await draws(7), await draws(8)];
  expect(again).toBe(one);
  expect(other).not.toBe(one);
  expect([one.includes('true'), one.includes('false')]).toEqual([true, true]);
});
