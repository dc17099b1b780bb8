import type { Milliseconds } from '../core/model.ts';
import type { Clock } from '../core/ports.ts';

/** Whether anybody asks something of an agent. */
export interface Activity {
  /** While a question is answered. */
  during<T>(work: () => Promise<T>): Promise<T>;
  /** How long nobody has asked anything; 0 while an answer is under way. */
  idleFor(): Milliseconds;
}

/** Nobody has asked anything yet: time counts from now. */
export function openActivity(clock: Pick<Clock, 'mono'>): Activity {
  let busy = 0;
  let last = clock.mono();
  return {
    async during(work) {
      busy++;
      try {
        return await work();
      } finally {
        busy--;
        last = clock.mono();
      }
    },
    idleFor: () => (busy > 0 ? 0 : clock.mono() - last),
  };
}
