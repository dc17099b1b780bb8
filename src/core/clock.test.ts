import { expect, test } from 'vitest';
import { systemClock } from './clock.ts';

test('a sleep longer than a timer can hold does not end at once', async () => {
  const stop = new AbortController();
  const long = systemClock.sleep(2 ** 31 + 1000, stop.signal).then(
    () => 'ended',
    () => 'aborted',
  );
  await systemClock.sleep(50);
  stop.abort();
  expect(await long).toBe('aborted');
});

test('a sleep of nothing or less ends', async () => {
  await systemClock.sleep(0);
  await systemClock.sleep(-5);
});
