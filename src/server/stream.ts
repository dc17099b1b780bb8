import type { Context } from 'hono';
import { streamSSE } from 'hono/streaming';
import type { JournalEvent } from '../core/events.ts';
import { finishOf, hidden } from './run-view.ts';

/** Wakes streams when a run of this process has a new event; runs of other processes are polled. */
export interface Wake {
  (run: string): void;
  wait(run: string, limit: number): Promise<void>;
}

/** Waiters per run. */
export function createWake(): Wake {
  const waiting = new Map<string, Set<() => void>>();
  const wake = (run: string) => {
    for (const go of waiting.get(run) ?? []) go();
  };
  const wait = (run: string, limit: number) =>
    new Promise<void>((resolve) => {
      const those = waiting.get(run) ?? new Set();
      waiting.set(run, those);
      const go = () => {
        clearTimeout(timer);
        those.delete(go);
        if (those.size === 0) waiting.delete(run);
        resolve();
      };
      const timer = setTimeout(go, limit);
      those.add(go);
    });
  return Object.assign(wake, { wait });
}

const pollMs = 250;
const heartbeatMs = 15_000;

/**
 * The events of a run, as `read` gives all of them so far, as Server-Sent Events until `run-finished`. The id is the place in the journal, so that
 * `Last-Event-ID` goes on where it broke off; 204 when all was seen, which tells a browser not to come back.
 */
export async function streamRun(
  c: Context,
  run: string,
  read: () => readonly JournalEvent[],
  wake: Wake,
  stop?: AbortSignal,
): Promise<Response> {
  const last = c.req.header('last-event-id') ?? '';
  let sent = /^\d{1,9}$/.test(last) ? Number(last) : 0;
  const known = read();
  if (finishOf(known) && sent >= known.length) return c.body(null, 204);
  c.header('Cache-Control', 'no-store');
  c.header('X-Accel-Buffering', 'no');
  return streamSSE(c, async (stream) => {
    let quietSince = Date.now();
    let looked = -1;
    while (!stream.aborted && !stop?.aborted) {
      const events = read();
      const grown = events.length !== looked;
      looked = events.length;
      if (grown && !hidden(events)) {
        for (const event of events.slice(sent)) {
          sent++;
          await stream.writeSSE({ id: String(sent), event: event.type, data: JSON.stringify(event) });
          quietSince = Date.now();
        }
        if (finishOf(events.slice(0, looked))) return;
      }
      if (Date.now() - quietSince >= heartbeatMs) {
        await stream.write(': still here\n\n');
        quietSince = Date.now();
      }
      await wake.wait(run, pollMs);
    }
  });
}
