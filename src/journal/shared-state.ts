import type { Clock, SharedState } from '../core/ports.ts';
import { history } from './history.ts';
import { readLever } from './lever.ts';
import { type LockOptions, withLock } from './lock.ts';
import { outstanding } from './outstanding.ts';
import { isLive, needsRecovery, runIds } from './runs.ts';
import { scanJournal } from './scan.ts';
import { openSharing } from './sharing.ts';
import { copiesOf, journalPath, keepPath, makeFolder, runFolder, unwritable } from './state.ts';

/** The lock of one run, in its folder: whoever injects or recovers holds it. */
export const runLock = 'run';
/** What all engines on this machine share: one state folder. `lock` bounds how long a lock is waited for. */
export function openSharedState(state: string, clock: Clock, lock: Omit<LockOptions, 'clock'> = {}): SharedState {
  const options = { ...lock, clock };
  const sharing = openSharing(state, clock, lock);
  return {
    exclusive: sharing.exclusive,
    siblings: sharing.siblings,
    get owner() {
      return sharing.owner;
    },
    exclusiveRun: (run, work) => withLock(runFolder(state, run), runLock, work, options),
    lever: () => readLever(state),
    liveRuns: (except) =>
      runIds(state)
        .filter((id) => id !== except && isLive(state, id))
        .map((id) => scanJournal(journalPath(state, id)).events),
    outstanding: () =>
      runIds(state)
        .filter((id) => needsRecovery(state, id))
        .flatMap((run) =>
          outstanding(scanJournal(journalPath(state, run)).events).intents.map((one) => ({ ...one, run })),
        ),
    history: (span) => history(state, span, clock),
    dropKept: (run, injection) => copiesOf(state, run).drop(injection),
    keepFolder(run, injection) {
      const path = keepPath(state, run, injection);
      try {
        makeFolder(path);
        return path;
      } catch (error) {
        throw unwritable(error, path, 'the folder');
      }
    },
  };
}
