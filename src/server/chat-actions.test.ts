import { afterEach, expect, test } from 'vitest';
import { experiment } from '../../test/fixtures/run-events.ts';
import { type TinyEngine, tinyEngine } from '../../test/fixtures/tiny-engine.ts';
import { chatRoute, createChat, slackSignature } from '../triggers/index.ts';
import { createApp } from './app.ts';
import { chatActions } from './chat-actions.ts';
import { type Listening, listen } from './listen.ts';

const secret = 'signing-secret';
let server: Listening | undefined;
afterEach(async () => {
  await server?.close(0);
});

async function daemon(engine: TinyEngine, more: { execute?: boolean; sealed?: boolean } = {}) {
  const perform = chatActions({ engine, experiments: { shop: experiment('shop') }, execute: false, ...more });
  const chat = createChat({
    words: [
      { word: 'break the shop', action: { kind: 'run', experiment: 'shop' }, reply: 'as you wish' },
      { word: 'break nothing', action: { kind: 'run', experiment: 'toString' } },
      { word: 'stop', action: { kind: 'stop' } },
      { word: 'go on', action: { kind: 'release' } },
    ],
    users: ['U1'],
    clock: { mono: () => performance.now() },
  });
  const { app } = createApp({
    engine,
    runs: engine,
    token: 'a-token-of-the-tests',
    parse: () => experiment(),
    faults: () => [],
    triggers: { '/triggers/chat': chatRoute({ chat, slackSigningSecret: secret, perform }) },
  });
  server = await listen({ fetch: app.fetch, port: 0, guarded: true });
  return server.url;
}

/** As Slack would send it through a proxy: signed, no API token, another Host. */
async function say(url: string, text: string): Promise<string> {
  const body = new URLSearchParams({ user_id: 'U1', text, trigger_id: String(Math.random()) }).toString();
  const timestamp = String(Math.floor(Date.now() / 1000));
  const reply = await fetch(`${url}/triggers/chat`, {
    method: 'POST',
    body,
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      'x-slack-request-timestamp': timestamp,
      'x-slack-signature': slackSignature(secret, timestamp, body),
    },
  });
  expect(reply.status).toBe(200);
  return ((await reply.json()) as { text: string }).text;
}

const confirm = async (url: string, text: string) => say(url, /confirm \d{4}/.exec(await say(url, text))?.[0] ?? '');

const engineOf = () => tinyEngine({ candidates: () => [{ pid: 4_000_000, name: 'worker' }], kill: () => {} });

test('a word becomes a run of its experiment, by its user, dry unless told', async () => {
  const engine = engineOf();
  const url = await daemon(engine);
  expect(await confirm(url, 'Break the shop')).toBe('as you wish\nDry run t1 of shop has begun.');
  expect(engine.requests).toMatchObject([
    { author: 'chat:U1', execute: false, experiment: { metadata: { name: 'shop' } } },
  ]);
});

test('with execute it is a real one; sealed, nothing is said of it', async () => {
  const engine = engineOf();
  const url = await daemon(engine, { execute: true, sealed: true });
  expect(await confirm(url, 'break the shop')).toBe('as you wish\nA drill has begun.');
  expect(engine.requests).toMatchObject([{ execute: true, sealed: true }]);
});

test('stop needs no confirmation, release does', async () => {
  const engine = engineOf();
  const url = await daemon(engine);
  expect(await say(url, 'stop')).toContain('Stopped');
  expect(engine.lever.reason).toBe('asked for in chat');
  expect(await confirm(url, 'go on')).toContain('Released');
  expect(engine.lever.reason).toBeNull();
});

test('a stop that leaves something on says so', async () => {
  const engine = engineOf();
  engine.left = ['r1: i1 (network-delay) is still on: no permission'];
  const said = await say(await daemon(engine), 'stop');
  expect(said).toContain('NOT ALL IS RECOVERED');
  expect(said).toContain('r1: i1 (network-delay) is still on');
  expect(said).not.toContain('everything in flight is recovered');
});

test('an experiment that nobody knows is said, also one named like a method of Object', async () => {
  const engine = engineOf();
  expect(await confirm(await daemon(engine), 'break nothing')).toBe('It failed: no experiment is called toString');
  expect(engine.requests).toHaveLength(0);
});

test('the trigger does not open the API', async () => {
  const url = await daemon(engineOf());
  expect((await fetch(`${url}/api/v1/runs`)).status).toBe(401);
  expect((await fetch(`${url}/triggers/chat`, { method: 'POST', body: new URLSearchParams() })).status).toBe(401);
});
