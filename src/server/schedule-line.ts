import { formatDuration } from '../core/duration.ts';
import type { EpochMs, Window } from '../core/model.ts';
import { inWindow } from '../core/window.ts';
import type { ScheduleEvent } from '../triggers/schedule-events.ts';

/**
 * One line of the daemon's log for what a schedule does; undefined for what needs no line. Due times outside of one of
 * `windows` are marked.
 */
export function scheduleLine(event: ScheduleEvent, windows: readonly Window[] = []): string | undefined {
  switch (event.type) {
    case 'planned':
      return `${event.schedule}: next ${new Date(event.next).toISOString()} (in ${formatDuration(event.wait)})${outside(event.next, windows)}`;
    case 'missed':
      return `${event.schedule}: ${event.count} missed: ${event.reason}`;
    case 'outside-window':
      return `${event.schedule}: ${event.reason}`;
    case 'anchored':
      return `${event.schedule}: counting from now: ${event.reason}`;
    case 'interrupted':
      return `${event.schedule}: run ${event.run} was cut off by the end of an earlier daemon; it is not repeated`;
    case 'replacing':
      return `${event.schedule}: ending ${event.runs.join(', ')} for the next run`;
    case 'clock-jumped':
      return `${event.schedule}: the clock jumped ${event.by < 0 ? 'back' : 'ahead'} by ${formatDuration(Math.abs(event.by))}`;
    case 'ended':
      return `${event.schedule}: ended: ${event.reason}`;
    case 'suspended':
      return `${event.schedule}: suspended`;
    case 'trouble':
    case 'finished': {
      const { error } = event;
      if (error === undefined) return undefined;
      return `${event.schedule}: ${error instanceof Error ? error.message : String(error)}`;
    }
    default:
      return undefined;
  }
}

const outside = (at: EpochMs, windows: readonly Window[]): string =>
  windows.every((window) => inWindow(window, at)) ? '' : ' (outside the window: will be refused)';
