import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { answerLines } from './answering.ts';
import { cutLines } from './lines.ts';

test('where nothing is heard any more it ends, and what is open is given up', async () => {
  const input = new PassThrough();
  const signals: (AbortSignal | undefined)[] = [];
  const transport = (_path: string, _body: unknown, signal?: AbortSignal) => {
    signals.push(signal);
    return new Promise<never>((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));
  };
  const output = new PassThrough();
  const answering = answerLines(input, output, transport, 300);
  input.write('{"id":1,"path":"/a"}\n');
  await expect(answering).rejects.toMatchObject({ code: 'peer-unavailable', message: /nothing came .* for 0.3 s/ });
  expect(signals.map((signal) => signal?.aborted)).toEqual([true]);
  expect(input.destroyed).toBe(true);
  expect(output.read(), 'it is not answered').toBe(null);
});

test('a question without an end is not taken', async () => {
  const input = new PassThrough();
  const answering = answerLines(input, new PassThrough(), async () => ({ status: 200, body: null }));
  for (let part = 0; part < 17; part++) input.write('x'.repeat(1 << 20));
  await expect(answering).rejects.toMatchObject({ code: 'usage', message: 'a question is too long' });
});

test('lines are whole, however they come', () => {
  const text = Buffer.from('a\n\n座敷\u2028\nrest');
  for (let size = 1; size <= text.length; size++) {
    const lines: string[] = [];
    const cut = cutLines(
      (line) => lines.push(line),
      100,
      () => lines.push('too long'),
    );
    for (let at = 0; at < text.length; at += size) cut(text.subarray(at, at + size));
    expect(lines).toEqual(['a', '', '座敷\u2028']);
  }
});

test('nothing comes after a line that is too long', () => {
  const told: string[] = [];
  const cut = cutLines(
    (line) => told.push(line),
    4,
    () => told.push('too long'),
  );
  for (const chunk of ['ab\nabc', 'de', '\nab\n']) cut(chunk);
  expect(told).toEqual(['ab', 'too long']);
});
