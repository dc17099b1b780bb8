import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Json } from '../core/model.ts';
import { parseAnswer } from './parts/prometheus-answer.ts';
import probe from './prometheus.ts';

const never = new AbortController().signal;
const context = { count: async () => 0 };
const read = (params: object) => probe.read(probe.params.parse({ timeout: '20s', ...params }), never, context);
const parse = (tolerance?: Json) => probe.tolerance.parse(tolerance);

const installed = (() => {
  try {
    execFileSync('prometheus', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

const metrics = `# TYPE shop_requests_total counter
shop_requests_total{code="200"} 90
shop_requests_total{code="500"} 10
# TYPE shop_ratio gauge
shop_ratio NaN
shop_infinite +Inf
`;

async function freePort(): Promise<number> {
  const server = http.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe('against a real Prometheus', () => {
  let folder = '';
  let url = '';
  let server: ChildProcess | undefined;
  let log = '';
  const shop = http.createServer((_req, res) =>
    res.setHeader('content-type', 'text/plain; version=0.0.4').end(metrics),
  );

  beforeAll(async () => {
    if (!installed) return;
    folder = await mkdtemp(join(tmpdir(), 'zashiki-prometheus-'));
    await new Promise<void>((resolve) => shop.listen(0, '127.0.0.1', resolve));
    const config = `global: { scrape_interval: 2s, scrape_timeout: 2s }
scrape_configs: [{ job_name: shop, static_configs: [{ targets: ['127.0.0.1:${(shop.address() as AddressInfo).port}'] }] }]
`;
    await writeFile(join(folder, 'prometheus.yml'), config);
    const address = `127.0.0.1:${await freePort()}`;
    url = `http://${address}`;
    server = spawn(
      'prometheus',
      [
        `--config.file=${join(folder, 'prometheus.yml')}`,
        `--storage.tsdb.path=${join(folder, 'data')}`,
        `--web.listen-address=${address}`,
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    server.stderr?.on('data', (chunk: Buffer) => {
      log = (log + chunk).slice(-2000);
    });
    const deadline = Date.now() + 50_000;
    const scraped = async () =>
      probe.judge(await read({ url, query: 'count(shop_requests_total)' }), parse({ equals: 2 }));
    for (let why = await scraped(); why !== null; why = await scraped()) {
      if (Date.now() > deadline) throw new Error(`Prometheus never scraped the shop: ${why}\n${log}`);
      await setTimeout(100);
    }
  });

  afterAll(async () => {
    shop.closeAllConnections();
    shop.close();
    if (server && server.exitCode === null) {
      const gone = new Promise((resolve) => server?.once('exit', resolve));
      server.kill('SIGKILL');
      await gone;
    }
    if (folder) await rm(folder, { recursive: true, force: true });
  });

  test.skipIf(!installed).each<[string, Json | undefined, string | RegExp | null]>([
    ['sum(shop_requests_total)', { equals: 100 }, null],
    ['sum(shop_requests_total)', { max: 99 }, '100 is above 99'],
    ['scalar(sum(shop_requests_total))', { min: 100 }, null],
    ['shop_requests_total', { min: 10 }, null],
    [
      'shop_requests_total',
      { min: 11 },
      /^1 of 2 out of range, first: shop_requests_total\{code="500",.*\}: 10 is below 11$/,
    ],
    ['shop_requests_total', { min: 11, reduce: 'any' }, null],
    ['shop_requests_total', { min: 91, reduce: 'any' }, /^2 of 2 out of range/],
    ['shop_requests_total', { equals: 100, reduce: 'sum' }, null],
    ['shop_requests_total', { equals: 50, reduce: 'avg' }, null],
    ['shop_requests_total', { max: 89, reduce: 'max' }, 'max of 2: 90 is above 89'],
    ['shop_requests_total', { min: 10, reduce: 'min' }, null],
    ['shop_ratio', undefined, /NaN/],
    ['shop_ratio', { reduce: 'sum' }, /NaN/],
    ['{__name__=~"shop_ratio|shop_requests_total"}', { reduce: 'sum', max: 1e9 }, /NaN/],
    ['shop_infinite', { min: 5 }, null],
    ['shop_infinite', { max: 5 }, /Infinity is above 5$/],
    ['no_such_metric', undefined, 'the query found nothing'],
    ['no_such_metric', { empty: 'ok' }, null],
    ['up == 1', undefined, null],
    ['sum(', undefined, /^Prometheus refused the query: bad_data: .*parse error/],
    [
      'shop_requests_total[1m]',
      undefined,
      'the query gives a matrix; write one that gives a scalar or an instant vector',
    ],
    ['"text"', undefined, 'the query gives a string; write one that gives a scalar or an instant vector'],
  ])('%s held against %j', async (query, tolerance, expected) => {
    const why = probe.judge(await read({ url, query }), parse(tolerance));
    if (expected instanceof RegExp) expect(why).toMatch(expected);
    else expect(why).toBe(expected);
  });

  test('the tests above had a real Prometheus', (ctx) => {
    if (!installed) ctx.skip('prometheus is not installed (Debian: apt-get install prometheus)');
    expect(server?.exitCode).toBeNull();
  });

  test('the journal keeps a few values', async (ctx) => {
    if (!installed) ctx.skip('prometheus is not installed (Debian: apt-get install prometheus)');
    const { value } = await read({ url, query: 'sort(shop_requests_total)' });
    expect(probe.brief?.(value)).toEqual({ count: 2, values: ['10', '90'] });
  });
});

test('a base with a path and a query keeps both', async () => {
  const seen: string[] = [];
  const server = http.createServer((req, res) => {
    seen.push(req.url ?? '');
    res.end('{"status":"success","data":{"resultType":"scalar","result":[1,"1"]}}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  await read({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/prom/?tenant=a`, query: 'a + b' });
  server.close();
  expect(seen).toEqual(['/prom/api/v1/query?tenant=a&query=a+%2B+b']);
});

test('nobody there, or somebody else', async () => {
  const port = await freePort();
  expect((await read({ url: `http://127.0.0.1:${port}`, query: 'up' })).error).toBe(
    `connection refused by 127.0.0.1:${port}`,
  );
  expect(parseAnswer({ status: 404, headers: {}, body: '<h1>Not found</h1>', cut: false })).toBe(
    'not an answer of Prometheus: status 404, "<h1>Not found</h1>"',
  );
  expect(parseAnswer({ status: 200, headers: {}, body: '[]', cut: true })).toMatch('too long');
});
