import { expect, test } from 'vitest';
import { holdingCache, isCacheHeld } from './build.ts';

test('whoever cleans sees that the cache is held', async () => {
  const held = await holdingCache(new AbortController().signal, async () => isCacheHeld());
  expect(held).toBe(true);
});
