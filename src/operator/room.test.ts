import { expect, test } from 'vitest';
import type { Injection } from './record.ts';
import { isFull, roomIn } from './room.ts';

const injection = (bytes: number) => ({ undo: 'x'.repeat(bytes) }) as unknown as Injection;
const etcdLimit = 1.5 * 1024 * 1024;

test('what fits is what can be written: with all of it the status stays below what etcd takes', () => {
  for (const bytes of [200, 2000, 20_000]) {
    let begun: readonly Injection[] = [];
    const status = () => ({ zashiki: { injections: Object.fromEntries(begun.entries()) } }) as never;
    for (let room = roomIn(status(), begun); room > 0; room = roomIn(status(), begun)) {
      begun = [...begun, ...Array.from({ length: Math.min(room, 100) }, () => injection(bytes))];
    }
    const size = JSON.stringify(status()).length;
    // A first round of 100 that are larger than usual is the most that may come on top.
    expect(size, `${bytes} bytes each`).toBeLessThan(etcdLimit * (bytes > 3000 ? 1.5 : 1));
    expect(size, `${bytes} bytes each`).toBeGreaterThan(1_000_000);
  }
});

test('it says how many have their turn', () => {
  expect(isFull(400, 900)).toBe(
    'the status of this resource is full: 400 of 900 targets have their turn; make several resources of it',
  );
});
