import type { EpochMs } from '../core/model.ts';
import type { Schedule } from '../core/schedule/model.ts';
import { advance, compact, replay, type ScheduleEntry, type ScheduleState } from '../core/schedule/state.ts';
import type { ScheduleEvent } from './schedule-events.ts';
import type { SchedulesOptions } from './schedule-options.ts';

/** A file with more entries than this is rewritten. */
const longFile = 2_000;

type EventBody = ScheduleEvent extends infer E ? (E extends ScheduleEvent ? Omit<E, 'schedule' | 'at'> : never) : never;

/** What one schedule has done: written first, believed second, told third. */
export interface Book {
  state(): ScheduleState;
  /** On disk before it counts. Throws `state-unwritable`. */
  record(entry: ScheduleEntry): void;
  tell(event: EventBody): void;
  /** Write down that `count` due times up to `due` are not run, and tell it. */
  miss(group: string, due: EpochMs, count: number, reason: string, type?: 'missed' | 'outside-window'): void;
  /** Drop what no longer matters, once there is much of it. */
  shorten(): void;
}

/** Open the book and close what an earlier life left open: those runs count as fired and are not repeated. */
export function openBook(schedule: Schedule, options: SchedulesOptions): Book {
  const { name } = schedule.metadata;
  const { store, clock } = options;
  const entries = store.read(name);
  let state = replay(entries);
  let written = entries.length;

  const book: Book = {
    state: () => state,
    record(entry) {
      store.append(name, entry);
      state = advance(state, entry);
      written += 1;
    },
    tell: (event) => options.onEvent({ ...event, schedule: name, at: clock.now() } as ScheduleEvent),
    miss(group, due, count, reason, type = 'missed') {
      book.record({ type: 'missed', at: clock.now(), group, due, count, reason });
      book.tell(type === 'missed' ? { type, group, due, count, reason } : { type, group, due, reason });
    },
    shorten() {
      if (written <= longFile) return;
      const fewest = compact(store.read(name));
      store.replace(name, fewest);
      written = fewest.length;
    },
  };

  for (const { run, due } of state.open) {
    book.record({ type: 'finished', at: clock.now(), run, outcome: 'interrupted' });
    book.tell({ type: 'interrupted', run, due });
  }
  return book;
}
