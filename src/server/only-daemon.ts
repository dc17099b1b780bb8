import { isError, ZashikiError } from '../core/errors.ts';
import { lockHolder, withLock } from '../journal/lock.ts';
import { openState } from '../journal/state.ts';

/**
 * Do the work of a daemon while no other one works on this state folder: two would hit side by side. Throws
 * `lock-busy` naming the other one, `state-unwritable`.
 */
export async function asOnlyDaemon<T>(state: string, work: () => Promise<T>): Promise<T> {
  openState(state);
  let begun = false;
  const whole = async () => {
    begun = true;
    return work();
  };
  try {
    return await withLock(state, 'daemon', whole, { timeoutMs: 500 });
  } catch (error) {
    if (begun || !isError(error, 'lock-busy')) throw error;
    const other = lockHolder(state, 'daemon');
    const who = other ? `another zashiki daemon (pid ${other.pid})` : 'another zashiki daemon';
    throw new ZashikiError('lock-busy', `${who} uses this state folder; stop it, or give this one --state FOLDER`, {
      cause: error,
      hint: `the folder is ${state}`,
    });
  }
}
