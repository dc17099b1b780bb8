import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Listening, listen } from '../server/listen.ts';
import { type ChatAction, chatRoute, createChat, slackSignature } from './index.ts';
import { slackVerifier } from './slack-signature.ts';

const secret = '8f742231b10e8888abcd99yyyzzz85a5';
const token = 'a-bot-token-of-some-length';
let server: Listening;
let performed: { action: ChatAction; user: string }[] = [];
let answer: () => Promise<string> = async () => 'Run r1 has begun.';

beforeAll(async () => {
  const chat = createChat({
    words: [
      { word: 'destroy', action: { kind: 'run', experiment: 'monkey' } },
      { word: 'stop', action: { kind: 'stop' } },
    ],
    users: ['U1', 'ada'],
    clock: { mono: () => performance.now() },
    drawCode: () => '4821',
  });
  const app = chatRoute({
    chat,
    slackSigningSecret: secret,
    token,
    answerWithin: 200,
    async perform(action, user) {
      performed.push({ action, user });
      return answer();
    },
  });
  server = await listen({ fetch: app.fetch, port: 0, guarded: true });
});
afterAll(() => server.close());
beforeEach(() => {
  performed = [];
  answer = async () => 'Run r1 has begun.';
});

const seconds = () => String(Math.floor(Date.now() / 1000));

function slack(fields: Record<string, string>, more: { timestamp?: string; signature?: string } = {}) {
  const body = new URLSearchParams(fields).toString();
  const timestamp = more.timestamp ?? seconds();
  return fetch(server.url, {
    method: 'POST',
    body,
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      'x-slack-request-timestamp': timestamp,
      'x-slack-signature': more.signature ?? slackSignature(secret, timestamp, body),
    },
  });
}

function bot(body: unknown, authorization = `Bearer ${token}`) {
  return fetch(server.url, {
    method: 'POST',
    body: typeof body === 'string' ? body : JSON.stringify(body),
    headers: { 'content-type': 'application/json', authorization },
  });
}

test('the signature is that of the Slack documentation example', () => {
  const body =
    'token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c';
  expect(slackSignature(secret, '1531420618', body)).toBe(
    'v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503',
  );
});

test('a signed slash command asks, and its confirmation acts', async () => {
  const first = await slack({ user_id: 'U1', user_name: 'x', command: '/zashiki', text: ' Destroy ' });
  expect(first.status).toBe(200);
  expect(await first.json()).toEqual({
    response_type: 'ephemeral',
    text: 'Run monkey? Say `confirm 4821` within 60 s.',
  });
  expect(performed).toEqual([]);
  const second = await slack({ user_id: 'U1', command: '/zashiki', text: 'confirm 4821' });
  expect(await second.json()).toEqual({ response_type: 'in_channel', text: 'Run r1 has begun.' });
  expect(performed).toEqual([{ action: { kind: 'run', experiment: 'monkey' }, user: 'U1' }]);
});

test('a command without text is its own word', async () => {
  const reply = await slack({ user_id: 'U1', command: '/stop', text: '' });
  expect(await reply.json()).toMatchObject({ response_type: 'in_channel' });
  expect(performed).toEqual([{ action: { kind: 'stop' }, user: 'U1' }]);
});

test('a user name is not enough', async () => {
  const reply = await slack({ user_id: 'U9', user_name: 'U1', text: 'stop' });
  expect(await reply.json()).toMatchObject({ text: 'U9 may not do this. Nothing was done.' });
  expect(performed).toEqual([]);
});

test('unsigned, forged, old and repeated requests are refused', async () => {
  const forged = await slack({ user_id: 'U1', text: 'stop' }, { signature: `v0=${'0'.repeat(64)}` });
  expect(forged.status).toBe(401);
  const old = await slack({ user_id: 'U1', text: 'stop' }, { timestamp: String(Number(seconds()) - 301) });
  expect(old.status).toBe(401);
  expect(await old.json()).toMatchObject({ error: { message: 'the request is older than five minutes' } });
  const unsigned = await fetch(server.url, { method: 'POST', body: new URLSearchParams({ text: 'stop' }) });
  expect(unsigned.status).toBe(401);
  expect(performed).toEqual([]);
  const fields = { user_id: 'U1', text: 'stop', trigger_id: 'only-once' };
  const timestamp = seconds();
  expect((await slack(fields, { timestamp })).status).toBe(200);
  expect((await slack(fields, { timestamp })).status).toBe(401);
  expect(performed).toHaveLength(1);
});

test('the replay window has two sides and is forgotten after it', () => {
  const time = { now: 1_000_000_000 };
  const verify = slackVerifier(secret, () => time.now);
  const signed = (timestamp: string) => ({ timestamp, signature: slackSignature(secret, timestamp, 'b') });
  expect(verify(signed('1000000'), 'b')).toBeNull();
  expect(verify(signed('1000300'), 'b')).toBeNull();
  expect(verify(signed('1000301'), 'b')).toContain('older');
  expect(verify(signed('999699'), 'b')).toContain('older');
  expect(verify({ timestamp: 'soon', signature: 'v0=' }, 'b')).toContain('seconds');
  expect(verify({}, 'b')).toContain('missing');
});

test('a bot sends JSON with a token', async () => {
  const reply = await bot({ text: 'stop', user: 'ada' });
  expect(reply.status).toBe(200);
  expect(performed).toEqual([{ action: { kind: 'stop' }, user: 'ada' }]);
  expect((await bot({ text: 'stop', user: 'ada' }, 'Bearer wrong')).status).toBe(401);
  expect((await bot({ text: 'stop', user: 'ada' }, '')).status).toBe(401);
  expect((await bot('{')).status).toBe(400);
  expect((await bot({ text: 1, user: 'ada' })).status).toBe(400);
  expect(performed).toHaveLength(1);
});

test('a bot may pass on everything: what is no word gets 204; in Slack it is told', async () => {
  expect((await bot({ text: 'good morning', user: 'ada' })).status).toBe(204);
  const reply = await slack({ user_id: 'U1', text: 'destory' });
  expect(await reply.json()).toMatchObject({ response_type: 'ephemeral', text: expect.stringContaining('Known') });
});

test('other content types, GET, long bodies', async () => {
  const plain = await fetch(server.url, { method: 'POST', body: 'stop', headers: { 'content-type': 'text/plain' } });
  expect(plain.status).toBe(415);
  expect((await fetch(server.url)).status).toBe(404);
  expect((await bot({ text: 'x'.repeat(70_000), user: 'ada' })).status).toBe(413);
});

test('a failure is said; a slow one is answered in time', async () => {
  answer = async () => {
    throw new Error('the lever is pulled');
  };
  expect(await (await bot({ text: 'stop', user: 'ada' })).json()).toMatchObject({
    text: 'It failed: the lever is pulled',
  });
  answer = () => new Promise(() => {});
  expect(await (await bot({ text: 'stop', user: 'ada' })).json()).toMatchObject({ text: 'It is on its way.' });
});
