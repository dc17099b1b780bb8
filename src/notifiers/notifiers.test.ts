import { createHmac } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { type RecordingPeer, type Reply, recordingPeer } from '../../test/fixtures/recording-peer.ts';
import { logNotifier, notifiersFromEnvironment, slackChat, slackWebhook, webhook } from './index.ts';
import { DeliveryError, type Notice } from './notifier.ts';
import { retryAfter } from './post.ts';

const notice: Notice = {
  kind: 'report',
  run: 'r1',
  at: 1_700_000_000_000,
  text: 'shop & <!channel>: held 座敷',
  facts: { event: 'report', outcome: 'held' },
};
const signal = () => AbortSignal.timeout(20_000);
const peers: RecordingPeer[] = [];
afterEach(() => Promise.all(peers.splice(0).map((peer) => peer.close())));

async function peerThat(reply: Reply): Promise<RecordingPeer> {
  const peer = await recordingPeer(() => reply);
  peers.push(peer);
  return peer;
}

async function failure(sent: Promise<void>): Promise<DeliveryError> {
  const error = await sent.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(DeliveryError);
  return error as DeliveryError;
}

test('slack webhook: POST of { text }, control characters escaped', async () => {
  const peer = await peerThat({ body: 'ok' });
  await slackWebhook({ url: `${peer.url}/services/T/B/secret` }).send(notice, signal());
  expect(peer.requests).toHaveLength(1);
  const request = peer.requests[0];
  expect(request).toMatchObject({ method: 'POST', path: '/services/T/B/secret' });
  expect(request?.headers['content-type']).toBe('application/json; charset=utf-8');
  expect(JSON.parse(request?.body ?? '')).toEqual({ text: 'shop &amp; &lt;!channel&gt;: held 座敷' });
});

test('slack webhook: a refusal is final and its message holds no secret', async () => {
  const peer = await peerThat({ status: 403, body: 'invalid_token' });
  const error = await failure(slackWebhook({ url: `${peer.url}/services/T/B/secret` }).send(notice, signal()));
  expect(error.message).toBe('Slack refused the webhook: 403 invalid_token');
  expect(error.again).toBe(false);
  const down = await failure(slackWebhook({ url: 'http://127.0.0.1:1/services/secret' }).send(notice, signal()));
  expect(down.again).toBe(true);
  expect(down.message).not.toContain('secret');
});

test('slack chat.postMessage: path, token, channel', async () => {
  const peer = await peerThat({ body: '{"ok":true}' });
  await slackChat({ token: 'xoxb-1', channel: '#drills', baseUrl: peer.url }).send(notice, signal());
  expect(peer.requests[0]).toMatchObject({ method: 'POST', path: '/api/chat.postMessage' });
  expect(peer.requests[0]?.headers.authorization).toBe('Bearer xoxb-1');
  expect(JSON.parse(peer.requests[0]?.body ?? '')).toMatchObject({ channel: '#drills' });
});

test('slack chat.postMessage: 200 with ok:false is a failure', async () => {
  const wrong = await peerThat({ body: '{"ok":false,"error":"channel_not_found"}' });
  const error = await failure(slackChat({ token: 't', channel: 'c', baseUrl: wrong.url }).send(notice, signal()));
  expect(error.message).toBe('Slack refused the message: channel_not_found');
  expect(error.again).toBe(false);
  const busy = await peerThat({ body: '{"ok":false,"error":"internal_error"}' });
  const passing = await failure(slackChat({ token: 't', channel: 'c', baseUrl: busy.url }).send(notice, signal()));
  expect(passing.again).toBe(true);
});

test('429 asks for the wait in Retry-After; 5xx is worth another try', async () => {
  const slow = await peerThat({ status: 429, headers: { 'retry-after': '7' } });
  const error = await failure(slackChat({ token: 't', channel: 'c', baseUrl: slow.url }).send(notice, signal()));
  expect(error).toMatchObject({ again: true, after: 7000 });
  const broken = await peerThat({ status: 503 });
  expect(await failure(webhook({ url: broken.url }).send(notice, signal()))).toMatchObject({ again: true, after: 0 });
  expect(retryAfter('Thu, 01 Jan 1970 00:00:09 GMT', 4000)).toBe(5000);
  expect(retryAfter('soon')).toBe(0);
});

test('a redirect is not followed', async () => {
  const elsewhere = await peerThat({ body: 'ok' });
  const peer = await peerThat({ status: 307, headers: { location: elsewhere.url } });
  expect((await failure(slackWebhook({ url: peer.url }).send(notice, signal()))).again).toBe(false);
  expect(elsewhere.requests).toHaveLength(0);
});

test('webhook: JSON of the facts, signed over timestamp and body, same delivery id on a retry', async () => {
  const peer = await peerThat({ status: 204 });
  const hook = webhook({ url: `${peer.url}/hook?a=1`, secret: 's3cret' });
  await hook.send(notice, signal());
  await hook.send(notice, signal());
  const [first, second] = peer.requests;
  expect(first).toMatchObject({ method: 'POST', path: '/hook?a=1' });
  expect(JSON.parse(first?.body ?? '')).toEqual({
    event: 'report',
    outcome: 'held',
    kind: 'report',
    run: 'r1',
    at: notice.at,
    text: notice.text,
  });
  const signed = `${first?.headers['x-zashiki-timestamp']}.${first?.body}`;
  const expected = `sha256=${createHmac('sha256', 's3cret').update(signed).digest('hex')}`;
  expect(first?.headers['x-zashiki-signature']).toBe(expected);
  expect(first?.headers['x-zashiki-delivery']).toMatch(/^[0-9a-f-]{36}$/);
  expect(second?.headers['x-zashiki-delivery']).toBe(first?.headers['x-zashiki-delivery']);
  const unsigned = await peerThat({});
  await webhook({ url: unsigned.url }).send(notice, signal());
  expect(unsigned.requests[0]?.headers).not.toHaveProperty('x-zashiki-signature');
});

test('a peer that accepts and says nothing ends with the signal', async () => {
  const mute = createServer(() => {});
  await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
  const address = mute.address();
  const port = typeof address === 'object' ? address?.port : 0;
  const stop = new AbortController();
  const sent = failure(webhook({ url: `http://127.0.0.1:${port}` }).send(notice, stop.signal));
  stop.abort();
  expect((await sent).message).toContain('did not answer in time');
  await new Promise((resolve) => mute.close(resolve));
});

test('log: one line each, appended to a file', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'zashiki-log-'));
  const file = join(folder, 'notices.log');
  const log = logNotifier({ file });
  await log.send({ ...notice, text: 'one\ntwo' }, signal());
  await log.send(notice, signal());
  expect(await readFile(file, 'utf8')).toBe(
    `2023-11-14T22:13:20.000Z one two\n2023-11-14T22:13:20.000Z ${notice.text}\n`,
  );
  await rm(folder, { recursive: true });
});

test('the environment names the notifiers; a mistake names the variable and not its value', () => {
  expect(notifiersFromEnvironment({})).toEqual([]);
  const all = notifiersFromEnvironment({
    ZASHIKI_SLACK_WEBHOOK: 'https://hooks.slack.com/services/x',
    ZASHIKI_SLACK_TOKEN: 'xoxb',
    ZASHIKI_SLACK_CHANNEL: '#drills',
    ZASHIKI_WEBHOOK_URL: 'http://127.0.0.1:9/',
    ZASHIKI_NOTICE_LOG: '/tmp/x',
  });
  expect(all.map(({ id }) => id)).toEqual(['slack', 'slack', 'webhook', 'log']);
  expect(() => notifiersFromEnvironment({ ZASHIKI_SLACK_TOKEN: 'xoxb' })).toThrow('ZASHIKI_SLACK_CHANNEL');
  expect(() => notifiersFromEnvironment({ ZASHIKI_SLACK_WEBHOOK: 'hunter2' })).toThrow(
    /^ZASHIKI_SLACK_WEBHOOK is not an http\(s\) URL$/,
  );
});
