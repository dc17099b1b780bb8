import { afterEach, expect, test } from 'vitest';
import { type RecordingPeer, type Reply, recordingPeer } from '../../test/fixtures/recording-peer.ts';
import { runEvents } from '../../test/fixtures/run-events.ts';
import { fanOut } from './fan-out.ts';
import { slackChat, slackWebhook, webhook } from './index.ts';
import type { Notifier, RunStarted } from './notifier.ts';

const peers: RecordingPeer[] = [];
afterEach(() => Promise.all(peers.splice(0).map((peer) => peer.close())));

async function peerThat(answer: (index: number) => Reply | Promise<Reply>): Promise<RecordingPeer> {
  const peer = await recordingPeer((_request, index) => answer(index));
  peers.push(peer);
  return peer;
}

const backoff = [5, 5, 5];
const texts = (peer: RecordingPeer) => peer.requests.map((request) => JSON.parse(request.body).text as string);
const started = (events = runEvents()) => events[0] as RunStarted;

test('announces before, reports after, in order, to all', async () => {
  const [a, b] = [await peerThat(() => ({ body: 'ok' })), await peerThat(() => ({ status: 202 }))];
  const warnings: string[] = [];
  const fan = fanOut({
    notifiers: [slackWebhook({ url: a.url }), webhook({ url: b.url })],
    onWarning: (message) => warnings.push(message),
  });
  const listener = fan.follow();
  for (const event of runEvents()) listener(event);
  await fan.flush();
  for (const peer of [a, b]) {
    expect(texts(peer)).toHaveLength(2);
    expect(texts(peer)[0]).toContain('begins');
    expect(texts(peer)[1]).toContain('held');
  }
  expect(warnings).toEqual([]);
});

test('a sealed drill shows nothing on the wire until it ends', async () => {
  const peer = await peerThat(() => ({ status: 200 }));
  const fan = fanOut({ notifiers: [webhook({ url: peer.url })] });
  const listener = fan.follow();
  const events = runEvents({ sealed: true });
  for (const event of events.slice(0, -1)) listener(event);
  await fan.flush();
  expect(peer.requests).toHaveLength(1);
  expect(peer.requests[0]?.body).not.toMatch(/shop-survives|worker|4711|process-kill/);
  const last = events.at(-1);
  if (last) listener(last);
  await fan.flush();
  expect(texts(peer)[1]).toMatch(/^The drill is over\. .*worker \(pid:4711\)/);
});

test('a refused run is reported and was never announced', async () => {
  const peer = await peerThat(() => ({}));
  const fan = fanOut({ notifiers: [webhook({ url: peer.url })] });
  const listener = fan.follow();
  for (const event of runEvents({ outcome: 'refused', reasons: ['outside the window: Sat 21:14'] })) listener(event);
  await fan.flush();
  expect(texts(peer)).toHaveLength(1);
  expect(texts(peer)[0]).toContain('refused (unverified: no hypothesis). Nothing was hit. outside the window');
});

test('a failing notifier is tried four times, warned of once, and the others are told', async () => {
  const [bad, good] = [await peerThat(() => ({ status: 500 })), await peerThat(() => ({}))];
  const warnings: string[] = [];
  const fan = fanOut({
    notifiers: [webhook({ url: bad.url }), webhook({ url: good.url })],
    onWarning: (message) => warnings.push(message),
    backoff,
  });
  fan.announce(started());
  await fan.flush();
  expect(bad.requests).toHaveLength(4);
  expect(good.requests).toHaveLength(1);
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toMatch(
    /^notifier webhook: announce of run r1 was not delivered: 127\.0\.0\.1:\d+ answered 500$/,
  );
});

test('a failure that passes is delivered without a warning', async () => {
  const peer = await peerThat((index) => ({
    body: index < 2 ? '{"ok":false,"error":"service_unavailable"}' : '{"ok":true}',
  }));
  const warnings: string[] = [];
  const fan = fanOut({
    notifiers: [slackChat({ token: 't', channel: 'c', baseUrl: peer.url })],
    onWarning: (message) => warnings.push(message),
    backoff,
  });
  fan.announce(started());
  await fan.flush();
  expect(peer.requests).toHaveLength(3);
  expect(warnings).toEqual([]);
});

test('a final refusal is not tried again', async () => {
  const peer = await peerThat(() => ({ body: '{"ok":false,"error":"invalid_auth"}' }));
  const warnings: string[] = [];
  const fan = fanOut({
    notifiers: [slackChat({ token: 't', channel: 'c', baseUrl: peer.url })],
    onWarning: (message) => warnings.push(message),
    backoff,
  });
  fan.announce(started());
  await fan.flush();
  expect(peer.requests).toHaveLength(1);
  expect(warnings[0]).toContain('invalid_auth');
});

test('Retry-After is waited for, on the injected clock', async () => {
  const peer = await peerThat((index) => (index === 0 ? { status: 429, headers: { 'retry-after': '42' } } : {}));
  const slept: number[] = [];
  const clock = { now: Date.now, mono: () => 0, sleep: async (ms: number) => void slept.push(ms) };
  const fan = fanOut({ notifiers: [webhook({ url: peer.url })], clock });
  fan.announce(started());
  await fan.flush();
  expect(slept).toEqual([42_000]);
  expect(peer.requests).toHaveLength(2);
});

test('a notifier that never answers is cut off by its timeout, even if it ignores the signal', async () => {
  const deaf: Notifier = { id: 'deaf', send: () => new Promise(() => {}) };
  const warnings: string[] = [];
  const fan = fanOut({ notifiers: [deaf], onWarning: (message) => warnings.push(message), timeout: 20, backoff: [1] });
  fan.announce(started());
  await fan.flush();
  expect(warnings).toEqual(['notifier deaf: announce of run r1 was not delivered: no answer within 20 ms']);
});

test('flush gives up at its limit and says what was lost; announce and report return at once', async () => {
  const hang = new Promise<Reply>(() => {});
  const peer = await peerThat(() => hang);
  const warnings: string[] = [];
  const fan = fanOut({
    notifiers: [webhook({ url: peer.url })],
    onWarning: (message) => warnings.push(message),
    timeout: 60_000,
  });
  fan.announce(started());
  fan.report(runEvents());
  await peer.received(1);
  await fan.flush(50);
  expect(warnings).toHaveLength(2);
  expect(warnings[1]).toContain('report of run r1 was not delivered: no time was left');
});

test('the queue is bounded', async () => {
  let free: (reply: Reply) => void = () => {};
  const first = new Promise<Reply>((resolve) => {
    free = resolve;
  });
  const peer = await peerThat((index) => (index === 0 ? first : {}));
  const warnings: string[] = [];
  const fan = fanOut({
    notifiers: [webhook({ url: peer.url })],
    onWarning: (message) => warnings.push(message),
    capacity: 2,
  });
  for (let count = 0; count < 5; count++) fan.announce(started());
  expect(warnings).toHaveLength(2);
  expect(warnings[0]).toContain('2 notices wait already');
  free({});
  await fan.flush();
  expect(peer.requests).toHaveLength(3);
});

test('a report that cannot be written is a warning, never an exception', () => {
  const warnings: string[] = [];
  const fan = fanOut({
    notifiers: [{ id: 'x', send: async () => {} }],
    onWarning: (message) => warnings.push(message),
  });
  fan.announce({ ...started(), plan: null } as never);
  expect(warnings[0]).toContain('could not be written');
});
