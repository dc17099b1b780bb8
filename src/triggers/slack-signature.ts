import { createHmac } from 'node:crypto';
import type { EpochMs, Milliseconds } from '../core/model.ts';
import { sameSecret } from '../core/secret.ts';

/** How old a signed request may be. */
export const replayWindow: Milliseconds = 5 * 60_000;

/** The value of `X-Slack-Signature` for a request body: Slack's scheme `v0`. `timestamp` is in seconds. */
export const slackSignature = (secret: string, timestamp: string, body: string) =>
  `v0=${createHmac('sha256', secret).update(`v0:${timestamp}:${body}`).digest('hex')}`;

/**
 * Checks requests that Slack signed: null when good, else why not. A signature is good once within the replay window,
 * so that a request that was listened to cannot be sent again.
 */
export function slackVerifier(secret: string, now: () => EpochMs) {
  const seen = new Map<string, EpochMs>();
  return (headers: { readonly timestamp?: string; readonly signature?: string }, body: string): string | null => {
    const { timestamp, signature } = headers;
    if (!timestamp || !signature) return 'X-Slack-Request-Timestamp or X-Slack-Signature is missing';
    if (!/^\d{1,12}$/.test(timestamp)) return 'X-Slack-Request-Timestamp is not a number of seconds';
    if (!sameSecret(signature, slackSignature(secret, timestamp, body))) return 'the signature does not fit';
    const at = now();
    if (Math.abs(at - Number(timestamp) * 1000) > replayWindow) return 'the request is older than five minutes';
    for (const [known, when] of seen) if (Math.abs(at - when) > 2 * replayWindow) seen.delete(known);
    if (seen.has(signature)) return 'the request was sent before';
    seen.set(signature, at);
    return null;
  };
}
