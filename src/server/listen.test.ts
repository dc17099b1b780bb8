import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isLoopback, listen } from './listen.ts';
import { loadToken } from './token.ts';

let stateDir: string;
beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), 'zashiki-token-'));
});
afterEach(() => rmSync(stateDir, { recursive: true }));

const fetchOk = () => new Response('ok');

test('an address that others can reach is refused without a token, and allowed with one', async () => {
  await expect(listen({ fetch: fetchOk, host: '0.0.0.0', port: 0, guarded: false })).rejects.toMatchObject({
    code: 'refused',
    message: expect.stringContaining('--host 0.0.0.0'),
  });
  await expect(listen({ fetch: fetchOk, host: '::', port: 0, guarded: false })).rejects.toThrow('no token');
  const open = await listen({ fetch: fetchOk, host: '0.0.0.0', port: 0, guarded: true });
  expect(await (await fetch(`http://127.0.0.1:${open.port}`)).text()).toBe('ok');
  await open.close();
});

test('loopback is what only this machine reaches', () => {
  expect(['127.0.0.1', '127.8.8.8', 'localhost', '::1', '[::1]'].filter((host) => !isLoopback(host))).toEqual([]);
  const open = ['0.0.0.0', '::', '10.0.0.1', '127.evil.example', 'localhost.evil.example', '128.0.0.1'];
  expect(open.filter(isLoopback)).toEqual([]);
});

test('a port that is taken is named with its flag', async () => {
  const first = await listen({ fetch: fetchOk, port: 0, guarded: false });
  const names = { host: '--host', port: '--port' };
  await expect(listen({ fetch: fetchOk, port: first.port, guarded: false, names })).rejects.toMatchObject({
    code: 'peer-unavailable',
    message: `--port ${first.port}: 127.0.0.1:${first.port} is already in use`,
  });
  await expect(listen({ fetch: fetchOk, host: '192.0.2.1', port: 0, guarded: true })).rejects.toThrow('cannot listen');
  await first.close();
});

test('the token is made once, 0600, and read again', () => {
  const first = loadToken({ env: {}, stateDir: join(stateDir, 'new') });
  expect(first.token).toMatch(/^[\w-]{43}$/);
  const file = join(stateDir, 'new', 'token');
  expect(first.from).toBe(file);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readFileSync(file, 'utf8')).toBe(`${first.token}\n`);
  expect(loadToken({ env: { ZASHIKI_TOKEN: '' }, stateDir: join(stateDir, 'new') })).toEqual(first);
});

test('the environment wins; weak tokens and readable files are refused', () => {
  expect(loadToken({ env: { ZASHIKI_TOKEN: 'sixteen-letters!' }, stateDir })).toMatchObject({
    token: 'sixteen-letters!',
    from: 'ZASHIKI_TOKEN',
  });
  expect(() => loadToken({ env: { ZASHIKI_TOKEN: 'short' }, stateDir })).toThrow(/ZASHIKI_TOKEN must be at least 16/);
  const file = join(stateDir, 'token');
  writeFileSync(file, 'a-token-that-others-can-read\n');
  chmodSync(file, 0o644);
  expect(() => loadToken({ env: {}, stateDir })).toThrow('can be read by others');
});
