import type { EventOf, JournalEvent } from '../../src/core/events.ts';
import { pausing } from './documents.ts';
import { lives, type Place, type Running, signal, stateOf, until } from './place.ts';

/** The last event of a type. */
export const find = <T extends JournalEvent['type']>(
  events: readonly JournalEvent[],
  type: T,
): EventOf<T> | undefined => events.findLast((event): event is EventOf<T> => event.type === type);

/** A run in another process whose fault is on: its target is frozen for long. */
export async function frozen(place: Place, spec = {}): Promise<{ readonly pid: number; readonly running: Running }> {
  const pid = await place.target();
  const running = place.zashiki(['run', place.write('long.json', pausing(place, '10m', spec)), '--yes']);
  await until(() => find(place.events(), 'observed')?.real);
  if (stateOf(pid) !== 'T') throw new Error(`target ${pid} is not frozen`);
  return { pid, running };
}

/** End a runner and its reaper as a power cut would: neither gets to undo anything. */
export async function powerCut(place: Place, running: Running): Promise<void> {
  const reaper = find(place.events(), 'reaper-started')?.reaper.pid ?? 0;
  signal(reaper, 'SIGSTOP');
  signal(running.pid, 'SIGKILL');
  await running.ended;
  signal(reaper, 'SIGKILL');
  await until(() => !lives(reaper));
}
