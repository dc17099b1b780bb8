import { post } from '../../notifiers/post.ts';
import type { Entry, Level } from './log-entry.ts';
import { textOf } from './logrus.ts';

/** Tells an incoming webhook of Slack what is logged, one message after the other; nothing waits for it. */
export interface SlackHook {
  push(entry: Entry): void;
  /** Wait until all is sent, at most 10 s. */
  flush(): Promise<void>;
}

const colors: Readonly<Record<Level, string>> = {
  panic: 'danger',
  fatal: 'danger',
  error: 'danger',
  warning: 'warning',
  info: 'good',
  debug: '#9B30FF',
};

/** The body that slackrus posts for an entry. */
export function slackBody({ level, message, fields }: Entry, channel: string): object {
  const listed = Object.entries(fields)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([title, field]) => ({ title, value: textOf(field), short: textOf(field).length <= 20 }));
  const attachment =
    listed.length > 0
      ? { fallback: message, color: colors[level], pretext: message, text: 'Message fields', fields: listed }
      : { fallback: message, color: colors[level], text: message };
  return { username: 'pumba_bot', icon_emoji: ':boar:', channel, attachments: [attachment] };
}

const mostWaiting = 100;

/** `onFailure` is told of each message that Slack did not take; the address, a secret, is not in it. */
export function slackHook(url: string, channel: string, onFailure: (why: string) => void): SlackHook {
  let last: Promise<void> = Promise.resolve();
  let waiting = 0;
  const headers = { 'content-type': 'application/json' };
  const send = async (entry: Entry) => {
    try {
      const answer = await post(url, headers, JSON.stringify(slackBody(entry, channel)), AbortSignal.timeout(5000));
      if (answer.status !== 200) onFailure(`it answered ${answer.status}`);
    } catch (error) {
      onFailure((error as Error).message);
    }
  };
  return {
    push(entry) {
      // A Slack that does not answer must not fill our memory.
      if (waiting >= mostWaiting) return onFailure(`${waiting} messages wait already; this one is dropped`);
      waiting++;
      last = last.then(() => send(entry)).finally(() => waiting--);
    },
    async flush() {
      const stop = new AbortController();
      const late = new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 10_000);
        stop.signal.addEventListener('abort', () => clearTimeout(timer));
      });
      await Promise.race([last, late]);
      stop.abort();
    },
  };
}
