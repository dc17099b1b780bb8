import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { call, eventually, proxyTo, startServer, toxic, untoxic } from './testing.ts';
import { toxicKinds } from './toxics/index.ts';

test('a real Redis, on a Unix socket, behind a TCP proxy', async (context) => {
  if (spawnSync('redis-server', ['--version']).error) return context.skip('needs redis-server');
  const folder = mkdtempSync(join(tmpdir(), 'zashiki-redis-'));
  const path = join(folder, 'redis.sock');
  const redis = spawn('redis-server', ['--port', '0', '--unixsocket', path, '--save', '', '--dir', folder], {
    stdio: 'ignore',
  });
  const ended = new Promise((resolve) => redis.once('exit', resolve));
  onTestFinished(async () => {
    redis.kill('SIGTERM');
    await ended;
    rmSync(folder, { recursive: true, force: true });
  });
  await eventually(() => readdirSync(folder).includes('redis.sock'), 'Redis');
  const client = await startServer();
  const { listen } = await proxyTo(client, `unix:${path}`);
  const caller = await call(listen);
  const ask = async (command: string, answer: string) => {
    const from = caller.text().length;
    const began = performance.now();
    caller.socket.write(`${command}\r\n`);
    await caller.received(from + answer.length);
    expect(caller.text().slice(from)).toBe(answer);
    return performance.now() - began;
  };
  await ask('PING', '+PONG\r\n');
  await toxic(client, 'latency', { latency: 150 }, { name: 'slow' });
  expect(await ask('SET house spirit', '+OK\r\n')).toBeGreaterThan(140);
  await untoxic(client, 'slow');
  await toxic(client, 'slicer', { average_size: 2, delay: 100 }, { name: 'pieces' });
  await ask('GET house', '$6\r\nspirit\r\n');
  await untoxic(client, 'pieces');
  await toxic(client, 'limit_data', { bytes: 3 });
  caller.socket.write('PING\r\n');
  await caller.ended();
  expect(caller.text().endsWith('+PO')).toBe(true);
});

test('every kind of toxic is a file, and the other way round', () => {
  const files = readdirSync(join(import.meta.dirname, 'toxics')).filter(
    (name) => !['index.ts', 'toxic.ts'].includes(name),
  );
  expect(files.map((name) => basename(name, '.ts').replaceAll('-', '_')).sort()).toEqual([...toxicKinds.keys()].sort());
});
