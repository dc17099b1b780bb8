import { getEventListeners } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { TimedOut, withDeadline } from './deadline.ts';

const never = (signal: AbortSignal) =>
  new Promise<never>((_, reject) =>
    signal.addEventListener('abort', () => reject(new Error('cut off')), { once: true }),
  );

test('the result, or what went wrong, or that time ran out, or why it was aborted', async () => {
  const outer = new AbortController();
  expect(await withDeadline(10_000, outer.signal, async () => 7)).toBe(7);
  await expect(withDeadline(10_000, outer.signal, () => Promise.reject(new Error('broke')))).rejects.toThrow('broke');
  await expect(withDeadline(20, outer.signal, never)).rejects.toThrow(TimedOut);
  const cut = expect(withDeadline(10_000, outer.signal, never)).rejects.toThrow('enough');
  outer.abort(new Error('enough'));
  await cut;
  await expect(withDeadline(10_000, outer.signal, async () => 7)).rejects.toThrow('enough');
  expect(getEventListeners(outer.signal, 'abort')).toHaveLength(0);
});

test('many at a time on one signal raise no warning', async () => {
  const warnings: Error[] = [];
  const note = (warning: Error) => void warnings.push(warning);
  process.on('warning', note);
  const outer = new AbortController();
  const all = Promise.allSettled(Array.from({ length: 40 }, () => withDeadline(10_000, outer.signal, never)));
  expect(getEventListeners(outer.signal, 'abort')).toHaveLength(40);
  outer.abort(new Error('enough'));
  await all;
  await setTimeout(20);
  process.off('warning', note);
  expect(warnings).toEqual([]);
});
