import type { JournalEvent } from '../../core/events.ts';
import { type CliContext, sayJsonLine } from '../context.ts';

/** Where a daemon writes: lines with a time for people, or one JSON object a line. */
export interface DaemonLog {
  readonly line: (text: string) => void;
  /** A listener for the events of one run; as JSON, each says whose it is. */
  readonly follow: () => (event: JournalEvent) => void;
}

/** Sealed runs show nothing but that they began and ended. */
export function daemonLog(context: CliContext, json: boolean): DaemonLog {
  const line = (text: string) => {
    if (json) sayJsonLine(context, { at: Date.now(), type: 'log', message: text });
    else context.stdout.write(`${new Date().toISOString()} ${text}\n`);
  };
  return {
    line,
    follow() {
      let run = '';
      let sealed = false;
      return (event) => {
        if (event.type === 'run-started') [run, sealed] = [event.run, event.sealed];
        if (sealed && event.type !== 'run-finished') return;
        if (json) return sayJsonLine(context, { run, ...event });
        const text = eventLine(event);
        if (text) line(run === '' ? text : `${run}: ${text}`);
      };
    },
  };
}

function eventLine(event: JournalEvent): string | undefined {
  switch (event.type) {
    case 'guard-refused':
      return `refused by ${event.guard}: ${event.reason}`;
    case 'intent':
      return `injecting ${event.fault} on ${event.target.name} (${event.target.id})`;
    case 'would-inject':
      return `would inject ${event.fault} on ${event.target.name} (${event.target.id})`;
    case 'observed':
      return event.real ? undefined : `${event.early ? 'off early' : 'no effect'}: ${event.detail}`;
    case 'recover-failed':
      return `STILL ON: ${event.injection}: ${event.error.message}`;
    case 'warning':
      return event.message;
    default:
      return undefined;
  }
}
