import { isIP } from 'node:net';
import type { MiddlewareHandler } from 'hono';
import { bearerOf, sameSecret } from '../core/secret.ts';

/** Why a request is not let in. */
export interface Refused {
  readonly status: 400 | 401 | 403;
  readonly message: string;
  readonly hint?: string;
}

/** The parts of a request that decide. Header names in lower case. */
export type HeaderReader = (name: string) => string | undefined;

/**
 * Keeps web pages out, however they got a browser to send the request: a Host that is a foreign name (DNS rebinding),
 * a foreign Origin, or a browser that shows no token. Null: let in. `names` are further host names that are ours.
 */
export function browserRefusal(header: HeaderReader, names: readonly string[] = []): Refused | null {
  const host = header('host') ?? '';
  const name = hostName(host);
  if (!name || !(isIP(name) || name === 'localhost' || names.map((own) => own.toLowerCase()).includes(name))) {
    return { status: 403, message: `the Host header "${host}" is not a name of this server`, hint: 'use its address' };
  }
  const origin = header('origin');
  if (origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`) {
    return { status: 403, message: `requests from the origin ${origin} are not accepted` };
  }
  if (header('sec-fetch-site') === 'cross-site') {
    return { status: 403, message: 'requests from other sites are not accepted' };
  }
  if (/^Mozilla\//i.test(header('user-agent') ?? '') && bearerOf(header('authorization')) === undefined) {
    return { status: 403, message: 'browsers need a token', hint: 'send Authorization: Bearer TOKEN' };
  }
  return null;
}

/** Null when the bearer token fits. */
export function tokenRefusal(header: HeaderReader, token: string): Refused | null {
  const given = bearerOf(header('authorization'));
  if (given !== undefined && sameSecret(given, token)) return null;
  const message = given === undefined ? 'a token is needed' : 'the token is wrong';
  return { status: 401, message, hint: 'send Authorization: Bearer TOKEN (ZASHIKI_TOKEN, or the file token)' };
}

/** As a middleware; `refuse` shapes the answer. */
export function guard(
  check: (header: HeaderReader) => Refused | null,
  refuse: (refused: Refused) => Response,
): MiddlewareHandler {
  return async (c, next) => {
    const refused = check((name) => c.req.header(name));
    if (refused) return refuse(refused);
    await next();
  };
}

/** The name without the port, in lower case and without brackets; undefined when it cannot be read. */
function hostName(host: string): string | undefined {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^:[\]/@\s]+))(?::\d+)?$/i.exec(host);
  return (match?.[1] ?? match?.[2])?.toLowerCase();
}
