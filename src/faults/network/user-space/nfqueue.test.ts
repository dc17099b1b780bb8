import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bindRequests, type FromKernel, readMessages, sendType, verdicts } from './nfqueue.ts';

/** A packet message as the kernel sends it. */
function packetMessage(id: number, hook: number, payload: Buffer, whole?: number): Buffer {
  const attribute = (type: number, value: Buffer) => {
    const head = Buffer.from([4 + value.length, (4 + value.length) >> 8, type, 0]);
    return Buffer.concat([head, value, Buffer.alloc(-value.length & 3)]);
  };
  const big = (value: number) => Buffer.from([value >>> 24, value >>> 16, value >>> 8, value]);
  const body = Buffer.concat([
    Buffer.from([2, 0, 0, 7]),
    attribute(1, Buffer.concat([big(id), Buffer.from([8, 0, hook])])),
    attribute(6, big(3)),
    attribute(10, payload),
    ...(whole === undefined ? [] : [attribute(13, big(whole))]),
  ]);
  const head = Buffer.alloc(16);
  head.writeUInt32LE(16 + body.length, 0);
  head.writeUInt16LE(0x300, 4);
  return Buffer.concat([head, body, Buffer.alloc(-body.length & 3)]);
}

const answer = (errno: number, to: number) => {
  const message = Buffer.alloc(36);
  message.writeUInt32LE(36, 0);
  message.writeUInt16LE(2, 4);
  message.writeUInt32LE(to, 8);
  message.writeInt32LE(errno, 16);
  return message;
};

test('packets and answers, in whatever pieces they come', () => {
  const payload = Buffer.from('a packet!');
  const stream = Buffer.concat([
    answer(0, 1),
    packetMessage(1, 3, payload),
    packetMessage(0xfffffffe, 1, payload, 1500),
    answer(-16, 2),
  ]);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1 }), (sizes) => {
      const seen: unknown[] = [];
      const note = (message: FromKernel) =>
        seen.push('packet' in message ? { ...message.packet, payload: message.packet.payload.toString() } : message);
      let rest = Buffer.alloc(0);
      for (let at = 0, turn = 0; at < stream.length; turn++) {
        const size = sizes[turn % sizes.length] ?? 1;
        rest = Buffer.from(readMessages(Buffer.concat([rest, stream.subarray(at, at + size)]), note));
        at += size;
      }
      expect(rest).toHaveLength(0);
      expect(seen).toEqual([
        { answer: 0, to: 1 },
        { id: 1, ingress: false, bytes: 9, payload: 'a packet!', device: 3 },
        { id: 0xfffffffe, ingress: true, bytes: 1500, payload: 'a packet!', device: 3 },
        { answer: -16, to: 2 },
      ]);
    }),
  );
});

test('nonsense is an error, not an endless loop', () => {
  expect(() => readMessages(Buffer.alloc(16), () => {})).toThrow('netlink message of 0 bytes');
});

test('to take over a queue: bind, what to copy, how many may wait, let pass what is too much', () => {
  const requests = bindRequests(0x1234, 0xffff, 150_000);
  expect(requests.map((one) => one.readUInt32LE(0))).toEqual(requests.map((one) => one.length));
  expect(requests.map((one) => one.readUInt16LE(4))).toEqual([0x302, 0x302, 0x302, 0x302]);
  expect(requests.map((one) => one.readUInt32LE(8))).toEqual([1, 2, 3, 4]);
  expect(requests.map((one) => one.readUInt16BE(18))).toEqual([0x1234, 0x1234, 0x1234, 0x1234]);
  expect(requests.map((one) => one.subarray(20).toString('hex'))).toEqual([
    '0800010001000000',
    '090002000000ffff02000000',
    '08000300000249f0',
    '08000400000000010800050000000001',
  ]);
  expect(bindRequests(1, 0, 1)[1]?.subarray(20).toString('hex')).toBe('090002000000000001000000');
});

test('verdicts of a batch, in the order in which they were given', () => {
  const batch = verdicts(0x1234);
  expect(batch.take()).toBeUndefined();
  batch.accept(1);
  batch.drop(2);
  batch.accept(3, Buffer.from('changed'));
  batch.send(Buffer.from('again'), 5);
  batch.accept(4);
  const data = batch.take() ?? Buffer.alloc(0);
  const seen: unknown[] = [];
  for (let at = 0; at < data.length; at += data.readUInt32LE(at)) {
    if (data.readUInt16LE(at + 4) === sendType) {
      const size = data.readUInt32LE(at + 8);
      seen.push({ send: data.subarray(at + 16, at + 16 + size).toString(), device: data.readUInt32LE(at + 12) });
      continue;
    }
    const payload =
      data.readUInt32LE(at) > 32 ? data.subarray(at + 36, at + 32 + data.readUInt16LE(at + 32)).toString() : '';
    expect(data.readUInt16BE(at + 18)).toBe(0x1234);
    seen.push([data.readUInt32BE(at + 28), data.readUInt32BE(at + 24), payload]);
  }
  expect(seen).toEqual([[1, 1, ''], [2, 0, ''], [3, 1, 'changed'], { send: 'again', device: 5 }, [4, 1, '']]);
  expect(batch.take()).toBeUndefined();
});

test('many verdicts do not overwrite those that were taken before', () => {
  const batch = verdicts(1);
  const taken: Buffer[] = [];
  for (let id = 0; id < 500; id++) {
    batch.accept(id);
    if (id % 7 === 0) taken.push(batch.take() ?? Buffer.alloc(0));
  }
  taken.push(batch.take() ?? Buffer.alloc(0));
  const data = Buffer.concat(taken);
  expect(data).toHaveLength(500 * 32);
  for (let id = 0; id < 500; id++) expect(data.readUInt32BE(id * 32 + 28)).toBe(id);
});
