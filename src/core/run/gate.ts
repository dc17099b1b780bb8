/**
 * One lock for all injections of a run that are in progress in this process: the first in takes it, the last out
 * gives it back. Parallel injections of one run do not wait for each other; the reaper waits for all.
 */
export function createGate(
  exclusive: <T>(work: () => Promise<T>) => Promise<T>,
): <T>(work: () => Promise<T>) => Promise<T> {
  let inside = 0;
  let opened: Promise<() => void> | null = null;
  const open = (): Promise<() => void> =>
    new Promise((resolve, reject) => {
      exclusive(() => new Promise<void>((release) => resolve(release))).catch(reject);
    });
  return async (work) => {
    inside++;
    opened ??= open();
    try {
      await opened;
      return await work();
    } finally {
      inside--;
      if (inside === 0) {
        const closing = opened;
        opened = null;
        await closing.then(
          (release) => release(),
          () => undefined,
        );
      }
    }
  };
}
