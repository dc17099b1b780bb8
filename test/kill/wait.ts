import { setTimeout as sleep } from 'node:timers/promises';

/** Ask until the answer is truthy; fails after four minutes (machines may be slow) with what was waited for. */
export async function eventually<T>(
  ask: () => T | Promise<T>,
  what: () => string,
  patienceMs = 240_000,
): Promise<Exclude<NonNullable<T>, false | '' | 0>> {
  for (const end = performance.now() + patienceMs; ; ) {
    const answer = await ask();
    if (answer) return answer as Exclude<NonNullable<T>, false | '' | 0>;
    if (performance.now() > end) throw new Error(`waited in vain for ${what()}`);
    await sleep(100);
  }
}
