import { expect, test } from 'vitest';
import { delayAfter, openQueue } from './queue.ts';

const quiet = { failed: () => undefined };
const until = async (test: () => boolean) => {
  while (!test()) await new Promise((resolve) => setTimeout(resolve, 2));
};

test('one object is worked on by one worker at a time, and once more when something came up meanwhile', async () => {
  let running = 0;
  let most = 0;
  let rounds = 0;
  const queue = openQueue({
    ...quiet,
    work: async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 10));
      running--;
      rounds++;
      return undefined;
    },
  });
  queue.add('a');
  queue.add('a');
  queue.add('a');
  await until(() => rounds === 2 && queue.length === 0);
  expect(most).toBe(1);
  expect(rounds).toBe(2);
});

test('an object that fails waits by itself; others go on', async () => {
  const done: string[] = [];
  const delays: number[] = [];
  const queue = openQueue({
    workers: 1,
    failed: (_key, _error, delay) => delays.push(delay),
    work: async (key) => {
      done.push(key);
      if (key === 'bad') throw new Error('no');
      return undefined;
    },
  });
  queue.add('bad');
  queue.add('good');
  queue.add('fine');
  await until(() => done.includes('fine'));
  expect(done.slice(0, 3)).toEqual(['bad', 'good', 'fine']);
  await until(() => delays.length === 2);
  expect(delays).toEqual([200, 400]);
  await queue.end();
});

test('an object that hangs takes one turn only', async () => {
  let release: () => void = () => undefined;
  const hang = new Promise<void>((resolve) => (release = resolve));
  const done: string[] = [];
  const queue = openQueue({
    ...quiet,
    workers: 2,
    work: async (key) => {
      if (key === 'slow') await hang;
      done.push(key);
      return undefined;
    },
  });
  for (const key of ['slow', 'a', 'b', 'c']) queue.add(key);
  await until(() => done.length === 3);
  expect(done).toEqual(['a', 'b', 'c']);
  release();
  await queue.end();
  expect(done).toContain('slow');
});

test('work says when it wants to be asked again', async () => {
  let rounds = 0;
  const queue = openQueue({ ...quiet, work: async () => (++rounds < 3 ? Date.now() + 5 : undefined) });
  queue.add('a');
  await until(() => rounds === 3);
  await queue.end();
  expect(rounds).toBe(3);
});

test('delays double up to half a minute', () => {
  expect([1, 2, 3, 8, 9, 99].map(delayAfter)).toEqual([200, 400, 800, 25_600, 30_000, 30_000]);
});
