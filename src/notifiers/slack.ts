import { DeliveryError, type Notifier } from './notifier.ts';
import { post } from './post.ts';

const json = { 'content-type': 'application/json; charset=utf-8' };

/** Slack's own text form: `&`, `<` and `>` are control characters, so that a name can never ping a channel. */
export const slackText = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** An incoming webhook: POST `{ text }`; Slack answers 200 with the body `ok`. */
export function slackWebhook(options: { readonly url: string }): Notifier {
  return {
    id: 'slack',
    async send(notice, signal) {
      const answer = await post(options.url, json, JSON.stringify({ text: slackText(notice.text) }), signal);
      if (answer.status === 200 && answer.text.trim() === 'ok') return;
      throw new DeliveryError(`Slack refused the webhook: ${answer.status} ${firstLine(answer.text)}`, {
        again: false,
      });
    },
  };
}

/** Errors of chat.postMessage that may pass by themselves. */
const passing = new Set([
  'ratelimited',
  'rate_limited',
  'internal_error',
  'fatal_error',
  'service_unavailable',
  'request_timeout',
]);

/**
 * The chat.postMessage call with a bot token. Slack says `{ ok: false, error }` with HTTP 200, which is a failure.
 * `baseUrl` is `https://slack.com` unless a test or a proxy stands in for it.
 */
export function slackChat(options: {
  readonly token: string;
  readonly channel: string;
  readonly baseUrl?: string;
}): Notifier {
  const url = `${(options.baseUrl ?? 'https://slack.com').replace(/\/+$/, '')}/api/chat.postMessage`;
  return {
    id: 'slack',
    async send(notice, signal) {
      const headers = { ...json, authorization: `Bearer ${options.token}` };
      const body = JSON.stringify({ channel: options.channel, text: slackText(notice.text) });
      const answer = await post(url, headers, body, signal);
      const said = parse(answer.text);
      if (answer.status === 200 && said?.ok === true) return;
      const error = typeof said?.error === 'string' ? said.error : `${answer.status} ${firstLine(answer.text)}`;
      throw new DeliveryError(`Slack refused the message: ${error}`, { again: passing.has(error) });
    },
  };
}

function parse(text: string): { readonly ok?: unknown; readonly error?: unknown } | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return value !== null && typeof value === 'object' ? value : undefined;
  } catch {
    return undefined;
  }
}

const firstLine = (text: string) => (text.split('\n')[0] ?? '').slice(0, 120);
