import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { JournalEvent } from '../../src/core/events.ts';

const run = promisify(execFile);
const cli = resolve(import.meta.dirname, '../../dist/cli/main.cjs');
const here = (name: string) => readFileSync(join(import.meta.dirname, name), 'utf8');
const examples = readdirSync(import.meta.dirname).filter((name) => name.endsWith('.yaml'));

let own: string;
let proxy: ChildProcess | undefined;
let echo: Server;
const at = { api: '', listen: '' };

beforeAll(async () => {
  own = mkdtempSync(join(tmpdir(), 'zashiki-proxy-examples-'));
  echo = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {});
    socket.pipe(socket);
  });
  await new Promise<void>((done) => echo.listen(0, '127.0.0.1', done));
  const address = echo.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  if (!existsSync(cli)) return;
  // As the examples say, but on free ports.
  const config = join(own, 'proxies.json');
  writeFileSync(config, here('proxies.json').replace(':26379', ':0').replace(':6379', `:${port}`));
  proxy = spawn(process.execPath, [cli, 'proxy', '--config', config, '--port', '0', '--json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  for await (const line of createInterface({ input: proxy.stdout as NodeJS.ReadableStream })) {
    const said = JSON.parse(line) as { api?: string; listen?: string };
    Object.assign(at, said.listen ? { listen: said.listen } : {}, said.api ? { api: said.api } : {});
    if (said.api) break;
  }
});

afterAll(async () => {
  if (proxy) {
    const ended = new Promise((done) => proxy?.once('exit', done));
    proxy.kill('SIGTERM');
    await ended;
  }
  echo.close();
  rmSync(own, { recursive: true, force: true });
});

test.for(examples)('examples/proxy/%s does what it says', { timeout: 120_000 }, async (example, context) => {
  if (!proxy) return context.skip('dist/ is not there: run npm run build first');
  const file = join(own, example);
  writeFileSync(file, here(example).replace('port: 26379', `port: ${at.listen.split(':')[1]}`));
  const args = [cli, 'run', file, '--yes', '-o', 'json', '--state', join(own, 'state')];
  const env = { ...process.env, ZASHIKI_PROXY_URL: at.api };
  const { stdout, stderr } = await run(process.execPath, args, { env }).catch(
    (error: { stdout: string; stderr: string }) => error,
  );
  const events = stdout.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as JournalEvent] : []));
  expect(events.at(-1), stderr).toMatchObject({ type: 'run-finished', outcome: 'held' });
  const intents = events.filter((event) => event.type === 'intent');
  expect(intents.map(({ fault }) => `${fault}.yaml`)).toEqual([example]);
  const observed = events.filter((event) => event.type === 'observed');
  expect(observed.map(({ real }) => real)).toEqual([true]);
  const verified = events.filter((event) => event.type === 'verified');
  expect(verified.map(({ clean }) => clean)).toEqual([true]);
  const left = (await (await fetch(`${at.api}/proxies`)).json()) as Record<
    string,
    { enabled: boolean; toxics: unknown[] }
  >;
  expect(left.echo).toMatchObject({ enabled: true, toxics: [] });
});
