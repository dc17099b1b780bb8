import type { EventOf, JournalEvent } from './events.ts';
import type { Milliseconds } from './model.ts';

/** An event with its place on the run's own time line. */
export interface Timed<E extends JournalEvent = JournalEvent> {
  /** Since the first event of the run; right even when the wall clock jumps. */
  readonly t: Milliseconds;
  readonly event: E;
}

/** Two processes that append at a time may be this far out of order; more is another boot. */
const disorder = 1000;

/** Within one boot the monotonic clock counts; where it starts anew (a reboot), the wall clock bridges the gap. */
export function onTimeLine(events: readonly JournalEvent[]): readonly Timed[] {
  const [first] = events;
  let zero = first?.mono ?? 0;
  let last = first;
  return events.map((event) => {
    if (last && event.mono < last.mono - disorder) {
      zero = event.mono - (last.mono - zero + Math.max(0, event.at - last.at));
    }
    last = event;
    return { t: event.mono - zero, event };
  });
}

/** All events of one type, with their times. */
export function eventsOf<T extends JournalEvent['type']>(
  timed: readonly Timed[],
  type: T,
): readonly Timed<EventOf<T>>[] {
  return timed.filter((entry): entry is Timed<EventOf<T>> => entry.event.type === type);
}
