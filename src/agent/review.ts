import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { ZashikiError } from '../core/errors.ts';
import type { Clock } from '../core/ports.ts';

/** Where a pod finds its own token and the CA of the API server. */
const folder = '/var/run/secrets/kubernetes.io/serviceaccount';
/** A token that was found good is not asked about again for so long. */
const goodForMs = 60_000;

export interface ReviewOptions {
  /** What the token must have been made for. */
  readonly audience: string;
  readonly clock: Pick<Clock, 'mono'>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly folder?: string;
}

/**
 * Ask the Kubernetes API server whose service-account token this is (TokenReview): `system:serviceaccount:NS:NAME`, or
 * null. Throws `usage` outside of a pod, `peer-unavailable` when the API server does not answer.
 */
export function tokenReview(options: ReviewOptions): (token: string) => Promise<string | null> {
  const { audience, clock, env } = options;
  const at = options.folder ?? folder;
  const [host, port] = [env.KUBERNETES_SERVICE_HOST, env.KUBERNETES_SERVICE_PORT ?? '443'];
  if (!host) {
    throw new ZashikiError('usage', '--token-review works in a pod only: KUBERNETES_SERVICE_HOST is not set', {
      hint: 'use --tls-dir or --token-file here',
    });
  }
  const good = new Map<string, { readonly user: string; readonly until: number }>();
  return async (token) => {
    const key = createHash('sha256').update(token).digest('hex');
    const known = good.get(key);
    if (known && known.until > clock.mono()) return known.user;
    const body = {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenReview',
      spec: { token, audiences: [audience] },
    };
    const answer = await post(host, port, at, body);
    const { authenticated, user, audiences = [] } = answer.status ?? {};
    // A server that knows no audiences returns none: then the token is for the server itself, and not for us.
    if (authenticated !== true || !user?.username || !audiences.includes(audience)) return null;
    for (const [old, { until }] of good) if (until <= clock.mono()) good.delete(old);
    good.set(key, { user: user.username, until: clock.mono() + goodForMs });
    return user.username;
  };
}

interface Review {
  readonly status?: {
    readonly authenticated?: boolean;
    readonly user?: { readonly username?: string };
    readonly audiences?: readonly string[];
  };
}

function post(host: string, port: string, at: string, body: object): Promise<Review> {
  const text = JSON.stringify(body);
  const headers = {
    authorization: `Bearer ${readFileSync(join(at, 'token'), 'utf8').trim()}`,
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
  };
  const path = '/apis/authentication.k8s.io/v1/tokenreviews';
  const ca = readFileSync(join(at, 'ca.crt'));
  return new Promise((resolve, reject) => {
    const failed = (why: string) =>
      reject(new ZashikiError('peer-unavailable', `the API server cannot be asked about a token: ${why}`));
    const sent = request({ host, port, path, method: 'POST', headers, ca, timeout: 10_000 }, (answer) => {
      let answered = '';
      answer.setEncoding('utf8').on('data', (part: string) => {
        answered += part;
      });
      answer.on('end', () => {
        if (answer.statusCode !== 201 && answer.statusCode !== 200) return failed(`status ${answer.statusCode}`);
        try {
          resolve(JSON.parse(answered) as Review);
        } catch (error) {
          failed((error as Error).message);
        }
      });
    });
    sent.on('timeout', () => sent.destroy(new Error('no answer')));
    sent.on('error', (error) => failed(error.message));
    sent.end(text);
  });
}
