import { DeliveryError } from './notifier.ts';

/** What a peer answered: status, headers, and at most the first 64 KiB of its text. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/**
 * POST `body` and read the answer. Redirects are not followed, so a secret never travels to another host. Throws
 * DeliveryError when there is no answer, on 429 (with the wait that `Retry-After` asks for), and on 5xx.
 */
export async function post(
  url: string,
  headers: Readonly<Record<string, string>>,
  body: string,
  signal: AbortSignal,
): Promise<Answer> {
  let response: Response;
  let text: string;
  try {
    response = await fetch(url, { method: 'POST', headers, body, signal, redirect: 'manual' });
    text = await firstBytes(response, 65_536);
  } catch (error) {
    if (signal.aborted) throw new DeliveryError(`${hostOf(url)} did not answer in time`);
    throw new DeliveryError(`${hostOf(url)} cannot be reached: ${reasonOf(error)}`);
  }
  const { status } = response;
  if (status === 429) {
    throw new DeliveryError(`${hostOf(url)} asks to slow down (429)`, {
      after: retryAfter(response.headers.get('retry-after')),
    });
  }
  if (status >= 500) throw new DeliveryError(`${hostOf(url)} answered ${status}`);
  return { status, headers: response.headers, text };
}

/** `Retry-After` in seconds or as a date, to milliseconds; 0 when absent or unreadable. */
export function retryAfter(header: string | null, now: number = Date.now()): number {
  if (!header) return 0;
  if (/^\d+(\.\d+)?$/.test(header.trim())) return Math.ceil(Number(header) * 1000);
  const date = Date.parse(header);
  return Number.isNaN(date) ? 0 : Math.max(0, date - now);
}

/** Only the host: the path of a Slack webhook is its password. */
export function hostOf(url: string): string {
  try {
    return new URL(url).host;
  } catch {
    return 'the given address';
  }
}

function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  if (cause && typeof cause === 'object' && 'code' in cause) return String(cause.code);
  return error instanceof Error ? error.name : 'unknown reason';
}

async function firstBytes(response: Response, limit: number): Promise<string> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of response.body ?? []) {
    parts.push(part);
    size += part.byteLength;
    if (size >= limit) break;
  }
  return Buffer.concat(parts).subarray(0, limit).toString('utf8');
}
