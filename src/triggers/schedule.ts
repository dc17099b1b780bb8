import { ZashikiError } from '../core/errors.ts';
import { parseCron } from '../core/schedule/cron.ts';
import { followSchedule } from './schedule-loop.ts';
import type { SchedulesOptions } from './schedule-options.ts';

export type { Firing, ScheduleStore, SchedulesOptions } from './schedule-options.ts';

/**
 * Run schedules until the signal is aborted or none of them has a due time left; runs under way are then awaited.
 * Throws `document-invalid` before anything starts when two share a name or a cron expression is wrong. What goes
 * wrong later is an event of type `trouble`; the loop goes on. Throws `state-unwritable` when the store cannot be
 * taken up at the start.
 */
export async function runSchedules(options: SchedulesOptions): Promise<void> {
  const seen = new Set<string>();
  for (const { metadata, spec } of options.schedules) {
    if (seen.has(metadata.name)) {
      throw new ZashikiError('document-invalid', `two schedules are named "${metadata.name}"`, {
        hint: 'give each a metadata.name of its own: its state is kept under it',
      });
    }
    seen.add(metadata.name);
    if ('cron' in spec.schedule) parseCron(spec.schedule.cron, spec.timezone);
  }
  // When one cannot go on at all, the others must not go on unseen.
  const others = new AbortController();
  const signal = AbortSignal.any([options.signal, others.signal]);
  const followed = options.schedules.map(async (schedule) => {
    try {
      await followSchedule(schedule, { ...options, signal });
    } catch (error) {
      others.abort(error);
      throw error;
    }
  });
  const ends = await Promise.allSettled(followed);
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
}
