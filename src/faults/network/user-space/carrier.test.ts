import fc from 'fast-check';
import { expect, test } from 'vitest';
import { seededRng } from '../../../core/rng.ts';
import type { Effects } from '../effects.ts';
import { carrier, flipped } from './carrier.ts';
import type { QueuedPacket } from './nfqueue.ts';
import { waiting } from './waiting.ts';

const always = { percent: 100, correlation: 0 };
const delay = { latencyUs: 1000, jitterUs: 0, correlation: 0, distribution: 'uniform' } as const;

/** An IPv4 packet; 6 is TCP, 17 is UDP. */
const packet = (
  id: number,
  more: Partial<QueuedPacket> & { readonly protocol?: number; readonly size?: number } = {},
) => {
  const { protocol = 6, size = 100, ...rest } = more;
  const payload = Buffer.alloc(size);
  payload[0] = 0x45;
  payload[9] = protocol;
  return { id, ingress: false, bytes: size, payload, device: 2, ...rest };
};

function start(effects: Effects) {
  const said: string[] = [];
  const works = carrier(effects, 7, {
    accept: (id, changed) => said.push(`accept ${id}${changed ? ' changed' : ''}`),
    drop: (id) => said.push(`drop ${id}`),
    send: (data, device) => said.push(`send ${data.length} by ${device}`),
  });
  return { ...works, said };
}

test('nothing to do: passed at once', () => {
  const { take, release, said } = start({});
  take(packet(1), 0);
  expect(said).toEqual(['accept 1']);
  expect(release(0)).toBeUndefined();
});

test('TCP that waits is taken off its socket; it is sent when its time has come, and never before', () => {
  const { take, release, said } = start({ delay });
  take(packet(1), 0);
  expect(said).toEqual(['drop 1']);
  expect(release(999)).toBe(1000);
  expect(said).toEqual(['drop 1']);
  expect(release(1000)).toBeUndefined();
  expect(said).toEqual(['drop 1', 'send 100 by 2']);
});

test.each([
  ['what comes in', packet(1, { ingress: true })],
  ['what is still to be fragmented', packet(1, { protocol: 17, size: 4000 })],
  ['what we have not seen whole', packet(1, { bytes: 3000 })],
])('%s is held as it is', (_, held) => {
  const { take, release, said } = start({ delay });
  take(held, 0);
  expect(said).toEqual([]);
  release(1000);
  expect(said).toEqual(['accept 1']);
});

test('lost, corrupt, double', () => {
  const lost = start({ loss: { model: 'random', ...always } });
  lost.take(packet(1), 0);
  expect(lost.said).toEqual(['drop 1']);
  const corrupt = start({ corrupt: always });
  corrupt.take(packet(1), 0);
  expect(corrupt.said).toEqual(['accept 1 changed']);
  const twice = start({ duplicate: always });
  twice.take(packet(1), 0);
  expect(twice.said).toEqual(['accept 1', 'send 100 by 2']);
});

test('each direction has a wire of its own', () => {
  const { take, release, said } = start({ rate: { bitsPerSecond: 8 * 1e6 } });
  take(packet(1, { ingress: true }), 0);
  take(packet(2, { ingress: true }), 0);
  take(packet(3, { protocol: 17, size: 4000 }), 0);
  expect(release(114)).toBe(228);
  release(228);
  expect(said).toEqual(['accept 1', 'accept 2']);
});

test('one bit is wrong, behind the header', () => {
  for (const [first, header] of [
    [0x45, 20],
    [0x47, 28],
    [0x60, 40],
  ] as const) {
    const whole = Buffer.alloc(120);
    whole[0] = first;
    for (let seed = 0; seed < 200; seed++) {
      const bad = flipped(whole, seededRng(seed));
      expect(bad.subarray(0, header)).toEqual(whole.subarray(0, header));
      const wrong = [...bad].map((byte, at) => byte ^ (whole[at] ?? 0)).filter((byte) => byte !== 0);
      expect(wrong).toHaveLength(1);
      expect(Math.log2(wrong[0] ?? 0) % 1).toBe(0);
    }
  }
  expect(flipped(Buffer.from([0x45]), seededRng(1))).toEqual(Buffer.from([0x45]));
});

test('what waits comes out by its time, and first in first out within one time', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 20 })), (times) => {
      const queue = waiting<number>();
      for (const [at, time] of times.entries()) queue.add(time, at);
      const expected = times.map((time, at) => ({ time, at })).sort((a, b) => a.time - b.time || a.at - b.at);
      const out: number[] = [];
      for (let now = 0; now <= 20; now++) {
        for (let next = queue.take(now); next !== undefined; next = queue.take(now)) out.push(next);
        expect(queue.next() ?? 99).toBeGreaterThan(now);
      }
      expect(out).toEqual(expected.map(({ at }) => at));
      expect(queue.size()).toBe(0);
    }),
  );
});
