import type { Clock, Rng } from '../../core/ports.ts';
import { drawBetween } from '../../core/schedule/chance.ts';

export interface TimerOptions {
  readonly clock: Clock;
  readonly rng: Rng;
  /** Seconds, both possible. */
  readonly min: number;
  readonly max: number;
  readonly log: (line: string) => void;
  readonly tick: () => Promise<void>;
}

/** Waits at random, ticks, and again, until aborted; then resolves. */
export async function timerLoop(options: TimerOptions, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const wait = drawBetween(options.rng, options.min * 1000, options.max * 1000);
    options.log(`Next: ${wait / 1000} seconds after`);
    await options.clock.sleep(wait, signal).catch(() => undefined);
    if (!signal.aborted) await options.tick();
  }
}
