import { ZashikiError } from '../core/errors.ts';
import { logNotifier } from './log.ts';
import type { Notifier } from './notifier.ts';
import { slackChat, slackWebhook } from './slack.ts';
import { webhook } from './webhook.ts';

export { type FanOut, type FanOutOptions, fanOut } from './fan-out.ts';
export { announcement, report } from './message.ts';
export { DeliveryError, type Notice, type Notifier } from './notifier.ts';
export { logNotifier, slackChat, slackWebhook, webhook };

/**
 * The notifiers that the environment asks for: `ZASHIKI_SLACK_WEBHOOK`; `ZASHIKI_SLACK_TOKEN` with
 * `ZASHIKI_SLACK_CHANNEL` (and `ZASHIKI_SLACK_URL` for another base); `ZASHIKI_WEBHOOK_URL` with
 * `ZASHIKI_WEBHOOK_SECRET`; `ZASHIKI_NOTICE_LOG`, a file. Throws `usage` naming the variable that is wrong.
 */
export function notifiersFromEnvironment(env: Readonly<Record<string, string | undefined>>): readonly Notifier[] {
  const found: Notifier[] = [];
  if (env.ZASHIKI_SLACK_WEBHOOK) {
    found.push(slackWebhook({ url: httpUrl('ZASHIKI_SLACK_WEBHOOK', env.ZASHIKI_SLACK_WEBHOOK) }));
  }
  if (env.ZASHIKI_SLACK_TOKEN) {
    if (!env.ZASHIKI_SLACK_CHANNEL) {
      throw new ZashikiError('usage', 'ZASHIKI_SLACK_TOKEN is set but ZASHIKI_SLACK_CHANNEL is not', {
        hint: 'Set ZASHIKI_SLACK_CHANNEL to a channel, like #drills.',
      });
    }
    const base = env.ZASHIKI_SLACK_URL ? { baseUrl: httpUrl('ZASHIKI_SLACK_URL', env.ZASHIKI_SLACK_URL) } : {};
    found.push(slackChat({ token: env.ZASHIKI_SLACK_TOKEN, channel: env.ZASHIKI_SLACK_CHANNEL, ...base }));
  }
  if (env.ZASHIKI_WEBHOOK_URL) {
    const secret = env.ZASHIKI_WEBHOOK_SECRET ? { secret: env.ZASHIKI_WEBHOOK_SECRET } : {};
    found.push(webhook({ url: httpUrl('ZASHIKI_WEBHOOK_URL', env.ZASHIKI_WEBHOOK_URL), ...secret }));
  }
  if (env.ZASHIKI_NOTICE_LOG) found.push(logNotifier({ file: env.ZASHIKI_NOTICE_LOG }));
  return found;
}

function httpUrl(name: string, value: string): string {
  if (URL.canParse(value) && /^https?:$/.test(new URL(value).protocol)) return value;
  // The value may be a secret: it is not repeated.
  throw new ZashikiError('usage', `${name} is not an http(s) URL`, { hint: `Set ${name} to a full URL or unset it.` });
}
