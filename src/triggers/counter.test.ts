import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type RecordingPeer, type Reply, recordingPeer } from '../../test/fixtures/recording-peer.ts';
import { type CounterOptions, type CounterStore, createCounter, fileCounterStore, numberAt } from './counter.ts';

let peer: RecordingPeer;
let folder: string;
let reply: () => Reply = () => ({ body: '{}' });
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zashiki-counter-'));
  peer = await recordingPeer(() => reply());
});
afterEach(async () => {
  await peer.close();
  await rm(folder, { recursive: true });
});

const likes = (count: unknown) => () => ({ body: JSON.stringify({ likes_count: count }) });

function counter(more: Partial<CounterOptions> = {}) {
  const fired: number[] = [];
  const warnings: string[] = [];
  const made = createCounter({
    url: `${peer.url}/item`,
    path: 'likes_count',
    store: fileCounterStore(join(folder, 'state', 'likes.json')),
    fire: async (value) => fired.push(value),
    onWarning: (message) => warnings.push(message),
    ...more,
  });
  return { ...made, fired, warnings };
}

test('fires at 3, 6 and 9 on the way from 0 to 10; the state survives a restart', async () => {
  const fired: number[] = [];
  for (let count = 0; count <= 10; count++) {
    reply = likes(count);
    const life = counter();
    await life.poll();
    fired.push(...life.fired);
  }
  expect(fired).toEqual([3, 6, 9]);
  expect(await readFile(join(folder, 'state', 'likes.json'), 'utf8')).toBe('{"next":12}\n');
  expect(peer.requests[0]).toMatchObject({ method: 'GET', path: '/item' });
});

test('at most one fire per poll, however far the number has run ahead', async () => {
  reply = likes(10);
  const { poll, fired } = counter();
  expect([await poll(), await poll(), await poll(), await poll()]).toEqual(['fired', 'fired', 'fired', 'below']);
  expect(fired).toEqual([10, 10, 10]);
});

test('null or no number yet: nothing', async () => {
  const { poll, warnings } = counter();
  reply = likes(null);
  expect(await poll()).toBe('nothing');
  reply = () => ({ body: '{}' });
  expect(await poll()).toBe('nothing');
  expect(warnings).toEqual([]);
});

test.each([
  ['an error status', () => ({ status: 503, body: '{"likes_count":99}' }), 'it answered 503'],
  ['no JSON', () => ({ body: '<html>' }), 'not valid JSON'],
  ['a text', likes('12'), 'at likes_count is "12", not a number'],
  ['a flood', () => ({ body: 'x'.repeat(2_000_000) }), 'longer than 1 MiB'],
])('a peer that answers with %s is a warning, not a fire', async (_what, answer, why) => {
  reply = answer;
  const { poll, fired, warnings } = counter();
  expect(await poll()).toBe('failed');
  expect(fired).toEqual([]);
  expect(warnings[0]).toContain(why);
});

test('the loop lives through a peer that is down, waits longer, and fires when it is back', async () => {
  const slept: number[] = [];
  const stop = new AbortController();
  let polls = 0;
  reply = () => (++polls <= 5 ? { status: 500 } : likes(3)());
  const { loop, fired, warnings } = counter({
    every: 1000,
    clock: {
      now: Date.now,
      mono: () => 0,
      async sleep(ms) {
        slept.push(ms);
        if (slept.length === 7) stop.abort();
      },
    },
  });
  await loop(stop.signal);
  expect(slept).toEqual([2000, 4000, 8000, 8000, 8000, 1000, 1000]);
  expect(fired).toEqual([3]);
  expect(warnings).toHaveLength(5);
});

test('nobody listens, or nobody answers', async () => {
  const ended = await recordingPeer(() => ({}));
  await ended.close();
  const { poll, warnings } = counter({ url: ended.url });
  expect(await poll()).toBe('failed');
  expect(warnings[0]).toContain('ECONNREFUSED');
  const mute = await recordingPeer(() => new Promise<Reply>(() => {}));
  expect(await counter({ url: mute.url, timeout: 50 }).poll()).toBe('failed');
  await mute.close();
});

test('an abort ends a poll in flight and the loop', async () => {
  const mute = await recordingPeer(() => new Promise<Reply>(() => {}));
  const stop = new AbortController();
  const { loop, warnings } = counter({ url: mute.url, timeout: 60_000 });
  const looping = loop(stop.signal);
  await mute.received(1);
  stop.abort();
  await looping;
  expect(warnings).toEqual([]);
  await mute.close();
});

test('when the state cannot be read or kept, nothing is fired', async () => {
  reply = likes(99);
  const full: CounterStore = {
    read: async () => undefined,
    write: async () => {
      throw new Error('ENOSPC');
    },
  };
  const { poll, fired, warnings } = counter({ store: full });
  expect(await poll()).toBe('failed');
  const file = join(folder, 'torn.json');
  await writeFile(file, '{"ne');
  expect(await counter({ store: fileCounterStore(file) }).poll()).toBe('failed');
  expect(fired).toEqual([]);
  expect(warnings[0]).toContain('ENOSPC');
});

test('a fire that fails is a warning; the threshold has moved', async () => {
  reply = likes(3);
  const { poll, warnings } = counter({
    fire: async () => {
      throw new Error('asleep');
    },
  });
  expect(await poll()).toBe('fired');
  expect(await poll()).toBe('below');
  expect(warnings).toEqual(['counter: the fire at 3 failed: asleep']);
});

test('the number is found by a dotted path, through lists, and never in a prototype', () => {
  const document = { items: [{ stars: 7 }], zero: 0 };
  expect(numberAt(document, 'items.0.stars')).toBe(7);
  expect(numberAt(document, 'zero')).toBe(0);
  expect(numberAt(document, 'items.1.stars')).toBeNull();
  expect(numberAt(document, 'constructor.length')).toBeNull();
  expect(() => numberAt(document, 'items')).toThrow('not a number');
});
