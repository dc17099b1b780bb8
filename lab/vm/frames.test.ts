import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeFrame, encodeOrder, exitCodeOf, frameReader } from './frames.ts';

test('frames come out as they went in, however the bytes are cut', () => {
  const word = fc.constantFrom('out', 'err', 'end', 'in', 'run');
  const frame = fc.record({ kind: word, body: fc.uint8Array({ maxLength: 90 }).map((bytes) => Buffer.from(bytes)) });
  fc.assert(
    fc.property(fc.array(frame), fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (frames, cuts) => {
      const bytes = Buffer.concat(frames.map(({ kind, body }) => encodeFrame(kind, body)));
      const read = frameReader();
      const seen = [];
      for (let at = 0, turn = 0; at < bytes.length; turn++) {
        const cut = cuts[turn % cuts.length] ?? 1;
        seen.push(...read(bytes.subarray(at, at + cut)));
        at += cut;
      }
      expect(seen).toEqual(frames);
    }),
  );
});

test('bytes that are no frames are refused, and not waited for', () => {
  for (const bytes of [
    'hello\n',
    'out\n',
    'out -1\n',
    'OUT 3\nabc',
    ' out 3\nabc',
    'out 99999999999999999999999999999999',
  ])
    expect(() => frameReader()(Buffer.from(bytes)), bytes).toThrow('no frame');
});

test('an order is NUL-ended fields: folder, variables, nothing, arguments', () => {
  const bytes = encodeOrder({ argv: ['sh', '-c', 'echo "$A"', ''], cwd: '/', env: { A: 'b=c', EMPTY: '' } });
  expect(bytes.toString().split('\0')).toEqual(['/', 'A=b=c', 'EMPTY=', '', 'sh', '-c', 'echo "$A"', '', '']);
});

test('an order that the agent would read otherwise is refused', () => {
  expect(() => encodeOrder({ argv: [], cwd: '/', env: {} })).toThrow('needs a program');
  expect(() => encodeOrder({ argv: ['a\0b'], cwd: '/', env: {} })).toThrow('NUL');
  expect(() => encodeOrder({ argv: ['a'], cwd: '/', env: { A: '\0' } })).toThrow('NUL');
});

test('ends become exit codes as shells count them', () => {
  expect(exitCodeOf('exit 0')).toBe(0);
  expect(exitCodeOf('exit 3')).toBe(3);
  expect(exitCodeOf('signal 9')).toBe(137);
  expect(() => exitCodeOf('exit')).toThrow('no way to end');
});
