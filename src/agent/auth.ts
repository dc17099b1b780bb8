import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { ZashikiError } from '../core/errors.ts';
import { bearerOf, sameSecret } from '../core/secret.ts';

/** Who may ask an agent. */
export interface AuthOptions {
  /** Common names of client certificates, and service accounts (`system:serviceaccount:NAMESPACE:NAME`). */
  readonly allowed: readonly string[];
  /** A file with a token that is as good as any certificate. */
  readonly tokenFile?: string | undefined;
  /** Whose token this is, as its issuer says; null for one that is not good. Throws when it cannot be asked. */
  readonly review?: ((token: string) => Promise<string | null>) | undefined;
}

/** Let in as somebody, or why not. */
export type Admission =
  | { readonly as: string }
  | { readonly status: 401 | 403; readonly message: string; readonly hint?: string };

/** Who sends a request. A socket in the file system lets in whoever may open it. */
export async function admit(incoming: IncomingMessage, unix: boolean, options: AuthOptions): Promise<Admission> {
  // No page of a browser is a client of an agent.
  if (incoming.headers.origin !== undefined)
    return { status: 403, message: 'requests from web pages are not accepted' };
  if (unix) return { as: 'local' };
  const socket = incoming.socket as TLSSocket;
  if (socket.encrypted && socket.authorized) {
    const name = String(socket.getPeerCertificate().subject?.CN ?? '');
    if (options.allowed.includes(name)) return { as: name };
    return { status: 403, message: `the certificate of "${name}" is not let in`, hint: 'see --allow-client' };
  }
  const token = bearerOf(incoming.headers.authorization);
  if (token === undefined) {
    const why = socket.encrypted && socket.authorizationError ? ` (${socket.authorizationError})` : '';
    return { status: 401, message: `a client certificate of our CA, or a token, is needed${why}` };
  }
  if (options.tokenFile !== undefined && sameSecret(token, readToken(options.tokenFile))) return { as: 'token' };
  const reviewed = options.review && (await options.review(token));
  if (!reviewed) return { status: 401, message: 'the token is wrong' };
  if (options.allowed.includes(reviewed)) return { as: reviewed };
  return { status: 403, message: `${reviewed} is not let in`, hint: 'see --allow-client' };
}

const shortest = 16;

/** The token in a file, which is read anew each time, so that it may be changed. Throws `usage` for one too short. */
export function readToken(file: string): string {
  let token: string;
  try {
    token = readFileSync(file, 'utf8').trim();
  } catch (cause) {
    throw new ZashikiError('file-unreadable', `cannot read the token in ${file}: ${(cause as Error).message}`, {
      cause,
    });
  }
  if (token.length >= shortest) return token;
  throw new ZashikiError('usage', `the token in ${file} is shorter than ${shortest} characters`, {
    hint: 'make one: head -c 32 /dev/urandom | base64',
  });
}
