import type { Clock } from '../../core/ports.ts';
import { type Entry, type Fields, isTold, type Level } from './log-entry.ts';
import { jsonLine, terminalLine, textLine } from './logrus.ts';
import { slackHook } from './slack.ts';

/** Pumba's log. */
export interface Log {
  readonly level: Level;
  (level: Level, message: string, fields?: Fields): void;
  /** Wait for Slack. */
  flush(): Promise<void>;
}

export interface LogOptions {
  readonly level: Level;
  readonly json: boolean;
  readonly slack?: { readonly url: string; readonly channel: string } | undefined;
  readonly stderr: { write(text: string): unknown; readonly isTTY?: boolean };
  readonly clock: Clock;
}

/** Writes to standard error in one of logrus's formats, and to Slack. */
export function openLog({ level, json, slack, stderr, clock }: LogOptions): Log {
  const start = clock.now();
  const write = (entry: Entry) => {
    if (!isTold(entry.level, level)) return;
    if (json) stderr.write(jsonLine(entry));
    else stderr.write(stderr.isTTY ? terminalLine(entry, start) : textLine(entry));
  };
  const hook = slack
    ? slackHook(slack.url, slack.channel, (why) => {
        write({ level: 'warning', message: `Slack was not told: ${why}`, fields: {}, at: clock.now() });
      })
    : undefined;
  const log = (of: Level, message: string, fields: Fields = {}) => {
    const entry = { level: of, message, fields, at: clock.now() };
    write(entry);
    if (isTold(of, level)) hook?.push(entry);
  };
  return Object.assign(log, { level, flush: async () => hook?.flush() });
}
