import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, onTestFinished, type TestContext, test } from 'vitest';
import { startToxiproxy, toxiproxy } from '../fixtures/toxiproxy.ts';

const cli = resolve(import.meta.dirname, '../../dist/cli/main.cjs');

interface Said {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Said> {
  return new Promise((done) => {
    execFile(program, args, { env: { ...process.env, ...env } }, (error, out, err) => {
      done({ code: error ? Number(error.code) : 0, out, err });
    });
  });
}

const zashiki = (url: string, ...args: readonly string[]) =>
  run(process.execPath, [cli, 'proxy', ...args], { ZASHIKI_PROXY_URL: url });

/** A server from the command line; resolves when it says where its API is. */
async function serve(context: TestContext, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  if (!existsSync(cli)) return context.skip('dist/ is not there: run npm run build first');
  const child: ChildProcess = spawn(process.execPath, [cli, 'proxy', '--port', '0', '--json', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  const ended = new Promise<number | null>((done) => child.once('exit', done));
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const lines: Record<string, unknown>[] = [];
  let api = '';
  for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream })) {
    lines.push(JSON.parse(line));
    api = String(lines.at(-1)?.api ?? '');
    if (api) break;
  }
  return { child, ended, lines, api };
}

test('a server lives from its config to its SIGTERM', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'zashiki-proxy-cli-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const config = join(folder, 'proxies.json');
  writeFileSync(config, '[{"name":"db","listen":"127.0.0.1:0","upstream":"127.0.0.1:1"}]');
  const server = await serve(context, ['--config', config, '--seed', '7']);
  expect(server.lines.at(-1)).toMatchObject({ message: 'Fault proxy', seed: 7 });
  const { code, out } = await zashiki(server.api, 'list', '--json');
  expect(code).toBe(0);
  const [db] = JSON.parse(out) as { name: string; listen: string }[];
  expect(db?.name).toBe('db');
  server.child.kill('SIGTERM');
  expect(await server.ended).toBe(0);
  const port = Number(db?.listen.split(':')[1]);
  const refused = await new Promise((done) => connect({ host: '127.0.0.1', port }).once('error', done));
  expect(refused).toMatchObject({ code: 'ECONNREFUSED' });
});

test('the commands do what toxiproxy-cli does, and print the same', { timeout: 400_000 }, async (context) => {
  const server = await serve(context, []);
  const port = await freePort();
  const steps = [
    ['list'],
    ['create', '-l', `127.0.0.1:${port}`, '-u', 'localhost:6379', 'redis'],
    ['ls'],
    ['toxic', 'add', '-t', 'latency', '-a', 'latency=100', '-a', 'jitter=5', 'redis'],
    ['t', 'a', '--type', 'bandwidth', '-n', 'slow', '--tox', '0.5', '-u', '-a', 'rate=10', 'redis'],
    ['inspect', 'redis'],
    ['toxic', 'update', '-n', 'slow', '-a', 'rate=20', '--toxicity', '0.25', 'redis'],
    ['i', 'redis'],
    ['toxic', 'remove', '-n', 'slow', 'redis'],
    ['toggle', 'redis'],
    ['list'],
    ['tog', 'redis'],
    ['delete', 'redis'],
    ['list'],
  ];
  const ours: string[] = [];
  for (const step of steps) {
    const { code, out, err } = await zashiki(server.api, ...step);
    expect([code, err], step.join(' ')).toEqual([0, '']);
    ours.push(out);
  }
  expect(ours[5]).toContain('latency_downstream\ttype=latency\tstream=downstream\ttoxicity=1.00\tattributes=[');

  const programs = toxiproxy();
  if ('missing' in programs) return context.skip(programs.missing);
  const peer = await startToxiproxy(programs.server);
  onTestFinished(() => peer.stop());
  const theirs: string[] = [];
  for (const step of steps) {
    theirs.push((await run(programs.cli, step, { TOXIPROXY_URL: peer.url })).out);
  }
  // Theirs ends a table with spaces for its columns; what is said is the same.
  const plain = (text: string) => text.replaceAll(/\t+/g, '\t');
  expect(ours.map(plain)).toEqual(theirs.map(plain));
});

test('mistakes are told with a way out', { timeout: 240_000 }, async (context) => {
  const server = await serve(context, []);
  const said = async (...args: string[]) => {
    const { code, err } = await zashiki(server.api, ...args);
    return `${code} ${err}`;
  };
  expect(await said('inspect', 'nobody')).toMatch(/^4 .*proxy nobody: proxy not found/);
  expect(await said('create', 'x')).toMatch(/^2 .*--listen is missing/);
  expect(await said('toxic', 'add', '-t', 'nonsense', 'x')).toMatch(/^4 .*proxy not found/);
  expect(await said('toxic', 'add', 'x')).toMatch(/^2 .*--type is missing/);
  expect(await said('lst')).toMatch(/^2 /);
  expect(await said('--listen', 'x')).toMatch(/^2 .*not host:port/);
  expect(await said('--host', '0.0.0.0')).toMatch(/^2 .*no token is set/);
  const nobody = await zashiki('http://127.0.0.1:1', 'list');
  expect(nobody.err).toMatch(/127\.0\.0\.1:1 does not answer: ECONNREFUSED/);
});

test('with a token, nobody else gets in; web pages never do', { timeout: 240_000 }, async (context) => {
  const token = 'correct-horse-battery';
  const server = await serve(context, [], { ZASHIKI_PROXY_TOKEN: token });
  const ask = async (headers: Record<string, string>) => (await fetch(`${server.api}/proxies`, { headers })).status;
  const Authorization = `Bearer ${token}`;
  expect(await ask({})).toBe(401);
  expect(await ask({ Authorization: 'Bearer wrong' })).toBe(401);
  expect(await ask({ Authorization })).toBe(200);
  expect(await ask({ Authorization, Origin: 'http://evil.example' })).toBe(403);
  expect(await ask({ 'User-Agent': 'Mozilla/5.0' })).toBe(403);
  expect((await zashiki(server.api, 'list')).err).toMatch(/a token is needed/);
  const known = { ZASHIKI_PROXY_URL: server.api, ZASHIKI_PROXY_TOKEN: token };
  expect((await run(process.execPath, [cli, 'proxy', 'list'], known)).code).toBe(0);
});

test('a page that has bent a name to this address is not let in', async (context) => {
  const server = await serve(context, []);
  const { port } = new URL(server.api);
  const status = await new Promise<number | undefined>((done) => {
    get({ host: '127.0.0.1', port, path: '/proxies', headers: { Host: 'evil.example' } }, (response) => {
      response.resume();
      done(response.statusCode);
    });
  });
  expect(status).toBe(403);
});

const freePort = () =>
  new Promise<number>((done) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => done(typeof address === 'object' && address ? address.port : 0));
    });
  });
