import type { Milliseconds } from '../../core/model.ts';
import type { FaultContext } from '../../core/ports.ts';

type Waiting = Pick<FaultContext, 'clock' | 'signal'>;

/**
 * Ask again and again until `check` gives something other than undefined, for at most `within` milliseconds (asked at
 * least once); undefined when it never did. Rejects when the context's signal is aborted.
 */
export async function poll<T>(
  within: Milliseconds,
  { clock, signal }: Waiting,
  check: () => Promise<T | undefined>,
  every: Milliseconds = 20,
): Promise<T | undefined> {
  const end = clock.mono() + within;
  for (;;) {
    const found = await check();
    if (found !== undefined) return found;
    const left = end - clock.mono();
    if (left <= 0) return undefined;
    await clock.sleep(Math.min(every, left), signal);
  }
}
