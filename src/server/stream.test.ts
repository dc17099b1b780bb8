import { afterAll, beforeAll, expect, test } from 'vitest';
import { experiment } from '../../test/fixtures/run-events.ts';
import { type TinyEngine, tinyEngine } from '../../test/fixtures/tiny-engine.ts';
import type { Experiment } from '../core/model.ts';
import { createApp } from './app.ts';
import { type Listening, listen } from './listen.ts';

const headers = { authorization: 'Bearer a-token-of-the-tests' };
let engine: TinyEngine;
let server: Listening;

beforeAll(async () => {
  engine = tinyEngine({ candidates: () => [{ pid: 4_000_000, name: 'worker' }] });
  const { app } = createApp({
    engine,
    runs: engine,
    token: 'a-token-of-the-tests',
    parse: (document) => document as Experiment,
    faults: () => [],
  });
  server = await listen({ fetch: app.fetch, port: 0, guarded: true });
});
afterAll(() => server.close(0));

async function begin(sealed = false): Promise<{ run: string; free: () => void }> {
  let free = () => {};
  engine.hold = new Promise<void>((resolve) => {
    free = resolve;
  });
  const body = JSON.stringify({ experiment: experiment('shop'), sealed });
  const reply = await fetch(`${server.url}/api/v1/runs`, { method: 'POST', headers, body });
  const { run } = (await reply.json()) as { run: string };
  return { run, free };
}

const open = (run: string, last?: number) =>
  fetch(`${server.url}/api/v1/runs/${run}/events`, {
    headers: { ...headers, ...(last === undefined ? {} : { 'last-event-id': String(last) }) },
  });

/** `id type` of each event, as they come. */
async function* events(reply: Response): AsyncGenerator<string> {
  let text = '';
  const decoder = new TextDecoder();
  for await (const part of reply.body ?? []) {
    text += decoder.decode(part, { stream: true });
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const block = text.slice(0, end);
      text = text.slice(end + 2);
      const field = (name: string) => new RegExp(`^${name}: ?(.*)$`, 'm').exec(block)?.[1];
      const data = field('data');
      if (data) expect(JSON.parse(data)).toMatchObject({ type: field('event') });
      if (field('id')) yield `${field('id')} ${field('event')}`;
    }
  }
}

const all = async (reply: Response) => {
  const seen: string[] = [];
  for await (const event of events(reply)) seen.push(event);
  return seen;
};

const whole = ['1 run-started', '2 phase', '3 would-inject', '4 run-finished'];

test('a live run is followed to its end, then the stream closes', async () => {
  const { run, free } = await begin();
  const reply = await open(run);
  expect(reply.headers.get('content-type')).toContain('text/event-stream');
  const seen: string[] = [];
  for await (const event of events(reply)) {
    seen.push(event);
    if (seen.length === 2) free();
  }
  expect(seen).toEqual(whole);
});

test('Last-Event-ID goes on where it broke off; 204 when nothing is left', async () => {
  const { run, free } = await begin();
  free();
  expect(await all(await open(run))).toEqual(whole);
  expect(await all(await open(run, 2))).toEqual(whole.slice(2));
  expect((await open(run, 4)).status).toBe(204);
  const nonsense = await fetch(`${server.url}/api/v1/runs/${run}/events`, {
    headers: { ...headers, 'last-event-id': 'DROP TABLE' },
  });
  expect(await all(nonsense)).toEqual(whole);
});

test('a sealed drill shows nothing until it ends, then everything', async () => {
  const { run, free } = await begin(true);
  const detail = await (await fetch(`${server.url}/api/v1/runs/${run}`, { headers })).text();
  expect(detail).not.toMatch(/shop|worker|process-kill/);
  const list = await (await fetch(`${server.url}/api/v1/runs`, { headers })).json();
  expect(list).toMatchObject({ runs: expect.arrayContaining([expect.objectContaining({ run, experiment: null })]) });
  const reply = await open(run);
  const reader = events(reply);
  const first = reader.next();
  const early = await Promise.race([first, new Promise((resolve) => setTimeout(() => resolve('nothing yet'), 400))]);
  expect(early).toBe('nothing yet');
  free();
  expect((await first).value).toBe(whole[0]);
  for await (const _ of reader);
  expect(await (await fetch(`${server.url}/api/v1/runs/${run}`, { headers })).json()).toMatchObject({
    experiment: 'shop',
  });
});

test('a reader that goes away leaves nothing behind; an unknown run is 404', async () => {
  const { run, free } = await begin();
  const leave = new AbortController();
  await fetch(`${server.url}/api/v1/runs/${run}/events`, { headers, signal: leave.signal });
  leave.abort();
  free();
  expect((await open('nope')).status).toBe(404);
});
