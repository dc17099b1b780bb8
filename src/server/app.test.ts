import { request } from 'node:http';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { experiment } from '../../test/fixtures/run-events.ts';
import { type TinyEngine, tinyEngine } from '../../test/fixtures/tiny-engine.ts';
import { ZashikiError } from '../core/errors.ts';
import type { Experiment } from '../core/model.ts';
import { type AppOptions, createApp } from './app.ts';
import { type Listening, listen } from './listen.ts';

const token = 'a-token-of-the-tests';
const auth = { authorization: `Bearer ${token}` };
let engine: TinyEngine;
let server: Listening;
let base: AppOptions;
const warnings: string[] = [];
const stop = new AbortController();

function parse(document: unknown): Experiment {
  if (typeof document === 'object' && document !== null && 'kind' in document) return document as Experiment;
  throw new ZashikiError('document-invalid', 'experiment: kind is missing', { hint: 'write kind: Experiment' });
}

beforeAll(async () => {
  engine = tinyEngine({ candidates: () => [{ pid: 4_000_000, name: 'worker' }] });
  base = {
    engine,
    runs: engine,
    token,
    parse,
    faults: () => [{ id: 'process-kill' }],
    execute: false,
    version: '1.2.3',
    signal: stop.signal,
    onWarning: (message) => warnings.push(message),
  };
  server = await listen({ fetch: createApp(base).app.fetch, port: 0, guarded: true });
});
afterAll(async () => {
  stop.abort();
  await server.close();
});
beforeEach(() => {
  engine.hold = null;
  engine.lever.reason = null;
  warnings.length = 0;
});

const call = (path: string, init: RequestInit = {}) =>
  fetch(`${server.url}${path}`, { ...init, headers: { ...auth, ...init.headers } });
const post = (path: string, body: unknown, headers = {}) =>
  call(path, { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body), headers });

/** Like fetch, but free to send any Host, Origin and User-Agent. */
function raw(path: string, headers: Record<string, string>, method = 'GET'): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const asked = request(`${server.url}${path}`, { method, headers }, async (response) => {
      let body = '';
      for await (const part of response) body += part;
      resolve({ status: response.statusCode ?? 0, body });
    });
    asked.on('error', reject).end();
  });
}

test('a run is begun, found, and told', async () => {
  const reply = await post('/api/v1/runs', { experiment: experiment('shop'), seed: 9 });
  expect(reply.status).toBe(202);
  const { run } = (await reply.json()) as { run: string };
  expect(reply.headers.get('location')).toBe(`/api/v1/runs/${run}`);
  expect(engine.requests.at(-1)).toMatchObject({ author: 'api', execute: false, sealed: false, seed: 9 });
  const detail = await (await call(`/api/v1/runs/${run}`)).json();
  expect(detail).toMatchObject({ run, experiment: 'shop', seed: 9, dryRun: true, verdict: { outcome: 'held' } });
  const list = (await (await call('/api/v1/runs')).json()) as { runs: { run: string }[] };
  expect(list.runs[0]?.run).toBe(run);
});

test('?wait=true answers with the verdict', async () => {
  const reply = await post('/api/v1/runs?wait=true', { experiment: experiment() });
  expect(reply.status).toBe(200);
  expect(await reply.json()).toMatchObject({ run: expect.any(String), verdict: { outcome: 'held', unverified: true } });
});

test('a run that goes on answers 202 at once; it is shown as unfinished', async () => {
  let free: (value: unknown) => void = () => {};
  engine.hold = new Promise((resolve) => {
    free = resolve;
  });
  const { run } = (await (await post('/api/v1/runs', { experiment: experiment() })).json()) as { run: string };
  expect(await (await call(`/api/v1/runs/${run}`)).json()).toMatchObject({ verdict: null, finishedAt: null });
  free(null);
});

test('without --execute nothing is executed', async () => {
  const before = engine.requests.length;
  const reply = await post('/api/v1/runs', { experiment: experiment(), execute: true });
  expect(reply.status).toBe(409);
  expect(await reply.json()).toEqual({
    error: { code: 'refused', message: 'this server only makes dry runs', hint: 'start it with --execute' },
  });
  expect(engine.requests).toHaveLength(before);
});

test('with it, execute reaches the engine', async () => {
  const { app } = createApp({ ...base, execute: true });
  const other = await listen({ fetch: app.fetch, port: 0, guarded: true });
  const hit: number[] = [];
  const real = tinyEngine({ candidates: () => [{ pid: 4_000_000, name: 'w' }], kill: (pid) => hit.push(pid) });
  const leashless = await listen({
    fetch: createApp({ ...base, engine: real, runs: real, execute: true }).app.fetch,
    port: 0,
    guarded: true,
  });
  const reply = await fetch(`${leashless.url}/api/v1/runs?wait=true`, {
    method: 'POST',
    headers: auth,
    body: JSON.stringify({ experiment: experiment(), execute: true }),
  });
  expect(reply.status).toBe(200);
  expect(hit).toEqual([4_000_000]);
  await Promise.all([other.close(), leashless.close()]);
});

test.each([
  ['no JSON', '{', /^the body is not JSON/],
  ['no experiment', {}, /^the body needs "experiment": a document/],
  ['an unknown field', { experiment: {}, exceute: true }, /exceute/],
  ['a wrong type', { experiment: {}, seed: 'x' }, /^seed: /],
  ['an invalid document', { experiment: {} }, /kind is missing/],
])('%s is 400 with the field', async (_what, body, message) => {
  const reply = await post('/api/v1/runs', body);
  expect(reply.status).toBe(400);
  const { error } = (await reply.json()) as { error: { message: string } };
  expect(error.message).toMatch(message);
});

test('exec over the API is refused, wherever it hides, unless allowed', async () => {
  const exec = { id: 'exec', params: { argv: ['id'] } } as const;
  const reading = { name: 'x', probe: exec, tolerance: null, every: 1000 };
  const pause = { kind: 'pause', pause: 1, when: { probe: exec, tolerance: null } } as const;
  const documents: [string, Experiment][] = [
    ['spec.rollbacks[0]', experiment('a', { rollbacks: [{ name: 'x', action: exec }] })],
    ['spec.stopWhen[0]', experiment('a', { stopWhen: [reading] })],
    ['spec.steadyStateHypothesis[0]', experiment('a', { steadyStateHypothesis: [{ ...reading, recoversWithin: 1 }] })],
    [
      'spec.method[0].parallel[0].serial[0].when',
      experiment('a', {
        method: [{ kind: 'parallel', steps: [{ kind: 'serial', steps: [pause] }] }],
      }),
    ],
  ];
  for (const [place, document] of documents) {
    const reply = await post('/api/v1/runs', { experiment: document });
    expect(reply.status).toBe(409);
    expect(await reply.json()).toMatchObject({ error: { message: `exec is not allowed over the API: ${place}` } });
  }
  const { app } = createApp({ ...base, allowExec: true });
  const allowed = await app.request('/api/v1/runs', {
    method: 'POST',
    headers: { ...auth, host: '127.0.0.1' },
    body: JSON.stringify({ experiment: documents[0]?.[1] }),
  });
  expect(allowed.status).toBe(202);
});

test('the stop lever is pulled and released, by POST alone', async () => {
  const pulled = await post('/api/v1/stop', { reason: 'pager' });
  expect(await pulled.json()).toEqual({ stopped: true, reason: 'pager', runs: [], outstanding: [] });
  expect(engine.lever.reason).toBe('pager');
  expect((await call('/api/v1/stop')).status).toBe(405);
  expect((await call('/api/v1/stop/release')).status).toBe(405);
  expect(engine.lever.reason).toBe('pager');
  expect((await post('/api/v1/stop/release', '')).status).toBe(200);
  expect(engine.lever.reason).toBeNull();
  expect((await post('/api/v1/stop', '')).status).toBe(200);
  expect(engine.lever.reason).toBe('stopped over the API');
});

test('a stop that leaves something on says so', async () => {
  const left = ['r1: i1 (network-delay) is still on: no permission'];
  engine.left = left;
  const reply = await post('/api/v1/stop', {});
  engine.left = [];
  expect(reply.status).toBe(500);
  expect(await reply.json()).toMatchObject({ stopped: false, outstanding: left, error: { code: 'recover-failed' } });
});

test('every route but healthz asks for the token', async () => {
  const routes = [
    ['GET', '/api/v1/runs'],
    ['POST', '/api/v1/runs'],
    ['GET', '/api/v1/runs/t1'],
    ['GET', '/api/v1/runs/t1/events'],
    ['POST', '/api/v1/stop'],
    ['POST', '/api/v1/stop/release'],
    ['GET', '/api/v1/faults'],
  ] as const;
  for (const [method, path] of routes) {
    for (const authorization of ['', 'Bearer wrong', `Basic ${token}`, `Bearer ${token}x`]) {
      const reply = await fetch(`${server.url}${path}`, { method, headers: authorization ? { authorization } : {} });
      expect([path, reply.status]).toEqual([path, 401]);
    }
  }
  const health = await fetch(`${server.url}/healthz`);
  expect(await health.json()).toEqual({ status: 'ok', version: '1.2.3' });
  expect(await (await call('/api/v1/faults')).json()).toEqual({ faults: [{ id: 'process-kill' }] });
});

test('web pages are kept out: foreign Host, foreign Origin, other sites, a browser without a token', async () => {
  const host = new URL(server.url).host;
  expect((await raw('/healthz', { host: 'evil.example' })).status).toBe(403);
  expect((await raw('/api/v1/runs', { ...auth, host: `evil.example:${server.port}` })).status).toBe(403);
  expect((await raw('/api/v1/runs', { ...auth, host: 'localhost.evil.example' })).status).toBe(403);
  expect((await raw('/api/v1/runs', { ...auth, host: `localhost:${server.port}` })).status).toBe(200);
  expect((await raw('/api/v1/runs', { ...auth, host: `[::1]:${server.port}` })).status).toBe(200);
  expect((await raw('/api/v1/runs', { ...auth, origin: 'https://evil.example' })).status).toBe(403);
  expect((await raw('/api/v1/runs', { ...auth, origin: 'null' })).status).toBe(403);
  expect((await raw('/api/v1/runs', { ...auth, origin: `http://${host}` })).status).toBe(200);
  expect((await raw('/api/v1/runs', { ...auth, 'sec-fetch-site': 'cross-site' })).status).toBe(403);
  const agent = { 'user-agent': 'Mozilla/5.0 (X11)' };
  const refused = await raw('/api/v1/runs', agent);
  expect(refused.status).toBe(403);
  expect(JSON.parse(refused.body)).toMatchObject({ error: { code: 'forbidden', hint: expect.any(String) } });
  expect((await raw('/api/v1/runs', { ...agent, ...auth })).status).toBe(200);
});

test('names that the user gave are ours', async () => {
  const { app } = createApp({ ...base, names: ['chaos.example'] });
  const ask = (host: string) => app.request('/healthz', { headers: { host } });
  expect((await ask('chaos.example:443')).status).toBe(200);
  expect((await ask('other.example')).status).toBe(403);
});

test('a body of more than 1 MiB is 413, also without a length', async () => {
  const long = JSON.stringify({ experiment: { note: 'x'.repeat(1 << 20) } });
  expect((await post('/api/v1/runs', long)).status).toBe(413);
  const chunked = new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode(long));
      controller.close();
    },
  });
  const init = { method: 'POST', body: chunked, duplex: 'half' } as RequestInit;
  const reply = await call('/api/v1/runs', init);
  expect(reply.status).toBe(413);
  expect(await reply.json()).toMatchObject({ error: { code: 'too-large' } });
});

test('unknown runs and paths are 404 in JSON; ids never become paths', async () => {
  for (const id of ['nope', '..%2f..%2fetc%2fpasswd', '.hidden', 'a'.repeat(200)]) {
    const reply = await call(`/api/v1/runs/${id}`);
    expect(reply.status).toBe(404);
    expect(await reply.json()).toMatchObject({ error: { code: 'run-unknown' } });
  }
  expect(await (await call('/api/v2')).json()).toMatchObject({ error: { code: 'not-found' } });
});

test('a wrong method on a known path is 405 and says which ones there are', async () => {
  const wrong = [
    ['DELETE', '/api/v1/runs', 'GET, HEAD, POST'],
    ['POST', '/api/v1/runs/t1', 'GET, HEAD'],
    ['PUT', '/api/v1/runs/t1/events', 'GET, HEAD'],
    ['GET', '/api/v1/stop', 'POST'],
    ['PATCH', '/api/v1/faults', 'GET, HEAD'],
  ] as const;
  for (const [method, path, allow] of wrong) {
    const reply = await call(path, { method });
    expect([path, reply.status, reply.headers.get('allow')]).toEqual([path, 405, allow]);
    expect(await reply.json()).toMatchObject({ error: { code: 'wrong-method' } });
    expect((await fetch(`${server.url}${path}`, { method })).status).toBe(401);
  }
  expect((await call('/api/v1/runs', { method: 'HEAD' })).status).toBe(200);
  expect((await call('/api/v1/nothing', { method: 'POST' })).status).toBe(404);
});

test('a bug shows no inside', async () => {
  const { app } = createApp({
    ...base,
    faults: () => {
      throw new Error('secret path /home/ada');
    },
  });
  const reply = await app.request('/api/v1/faults', { headers: { ...auth, host: 'localhost' } });
  expect(reply.status).toBe(500);
  expect(await reply.text()).not.toContain('ada');
  expect(warnings.join()).toContain('secret path');
});

test('closing: runs in flight are ended by the signal and waited for', async () => {
  const end = new AbortController();
  const { app, settled } = createApp({ ...base, signal: end.signal });
  engine.hold = new Promise(() => {});
  const reply = await app.request('/api/v1/runs', {
    method: 'POST',
    headers: { ...auth, host: 'localhost' },
    body: JSON.stringify({ experiment: experiment() }),
  });
  const { run } = (await reply.json()) as { run: string };
  end.abort();
  await settled();
  expect((await engine.readRun(run))?.at(-1)).toMatchObject({ type: 'run-finished', outcome: 'deviated' });
});
