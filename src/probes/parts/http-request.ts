import http from 'node:http';
import https from 'node:https';

export interface HttpRequest {
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  readonly followRedirects: boolean;
  /** Skip the check of the TLS certificate. */
  readonly insecure: boolean;
  /** Bytes of the answer to keep; all of it is read. */
  readonly keep: number;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
  /** The body was longer than `keep`. */
  readonly cut: boolean;
}

export const mostRedirects = 5;

/**
 * One request over a connection of its own (a kept-alive one would hide a dead listener), read to the end of the body.
 * Rejects with what went wrong, or with a RangeError after too many redirects.
 */
export async function exchange(request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer> {
  let next = request;
  for (let hops = 0; ; hops++) {
    const answer = await once(next, signal);
    const location = answer.headers.location;
    if (!request.followRedirects || !location || ![301, 302, 303, 307, 308].includes(answer.status)) return answer;
    if (hops === mostRedirects)
      throw new RangeError(`more than ${mostRedirects} redirects, the last one to ${location}`);
    next = redirected(next, answer.status, location);
  }
}

/** RFC 9110 §15.4: 303 always, 301 and 302 by custom, turn a POST into a GET; secrets stay with their origin. */
function redirected(from: HttpRequest, status: number, location: string): HttpRequest {
  const to = new URL(location, from.url);
  if (to.protocol !== 'http:' && to.protocol !== 'https:') throw new RangeError(`redirected to ${to.protocol}//`);
  const keepMethod = status === 307 || status === 308 || from.method === 'GET' || from.method === 'HEAD';
  const sameOrigin = to.origin === new URL(from.url).origin;
  const secret = /^(authorization|cookie|proxy-authorization)$/i;
  const headers = sameOrigin
    ? from.headers
    : Object.fromEntries(Object.entries(from.headers).filter(([name]) => !secret.test(name)));
  return { ...from, url: to.href, headers, ...(keepMethod ? {} : { method: 'GET', body: undefined }) };
}

function once(request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer> {
  const url = new URL(request.url);
  return new Promise((resolve, reject) => {
    const options: https.RequestOptions = {
      method: request.method,
      headers: {
        'user-agent': 'zashiki-probe',
        'accept-encoding': 'identity',
        ...lengthOf(request.body),
        ...request.headers,
      },
      agent: false,
      signal,
    };
    const outgoing =
      url.protocol === 'https:'
        ? https.request(url, { ...options, rejectUnauthorized: !request.insecure })
        : http.request(url, options);
    outgoing.on('error', reject);
    outgoing.on('response', (incoming) => {
      const kept: Buffer[] = [];
      let size = 0;
      incoming.on('data', (chunk: Buffer) => {
        if (size < request.keep) kept.push(chunk.subarray(0, request.keep - size));
        size += chunk.length;
      });
      incoming.on('error', reject);
      incoming.on('end', () => {
        resolve({
          status: incoming.statusCode ?? 0,
          headers: incoming.headers,
          body: Buffer.concat(kept).toString('utf8'),
          cut: size > request.keep,
        });
      });
    });
    outgoing.end(request.body);
  });
}

const lengthOf = (body: string | undefined): Record<string, string> =>
  body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };

/** Where a URL leads to, for error sentences. */
export function peerOf(url: string): { readonly host: string; readonly port: number } {
  const { hostname, port, protocol } = new URL(url);
  return { host: hostname, port: port ? Number(port) : protocol === 'https:' ? 443 : 80 };
}
