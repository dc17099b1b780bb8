import { createHmac, randomUUID } from 'node:crypto';
import type { Json } from '../core/model.ts';
import { DeliveryError, type Notice, type Notifier } from './notifier.ts';
import { hostOf, post } from './post.ts';

/**
 * POSTs each notice as JSON: `{ kind, run, at, text, … }`. With a secret, `X-Zashiki-Signature` is
 * `sha256=` + hex HMAC-SHA256 of `<X-Zashiki-Timestamp>.<body>`. `X-Zashiki-Delivery` stays the same over retries.
 * Any 2xx is success; another 4xx than 408, 425 and 429 is final.
 */
export function webhook(options: {
  readonly url: string;
  readonly secret?: string;
  readonly headers?: Readonly<Record<string, string>>;
}): Notifier {
  const deliveries = new WeakMap<Notice, string>();
  return {
    id: 'webhook',
    async send(notice, signal) {
      const delivery = deliveries.get(notice) ?? randomUUID();
      deliveries.set(notice, delivery);
      const body = JSON.stringify(webhookBody(notice));
      const timestamp = String(Math.floor(Date.now() / 1000));
      const signature =
        options.secret === undefined ? {} : { 'x-zashiki-signature': sign(options.secret, timestamp, body) };
      const headers = {
        ...options.headers,
        'content-type': 'application/json',
        'user-agent': 'zashiki',
        'x-zashiki-delivery': delivery,
        'x-zashiki-timestamp': timestamp,
        ...signature,
      };
      const { status } = await post(options.url, headers, body, signal);
      if (status >= 200 && status < 300) return;
      throw new DeliveryError(`${hostOf(options.url)} answered ${status}`, { again: status === 408 || status === 425 });
    },
  };
}

/** The value of `X-Zashiki-Signature`. */
export const sign = (secret: string, timestamp: string, body: string) =>
  `sha256=${createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex')}`;

const webhookBody = ({ kind, run, at, text, facts }: Notice): Json => ({ ...facts, kind, run, at, text });
