import type { Context } from 'hono';
import { type ErrorCode, errorRecord, errorTable, isError } from '../core/errors.ts';
import type { Refused } from './guard.ts';

type Status = 400 | 401 | 403 | 404 | 409 | 413 | 415 | 422 | 500 | 501 | 503;

const statuses: Partial<Record<ErrorCode, Status>> = {
  usage: 400,
  'document-invalid': 400,
  'plan-invalid': 400,
  'unknown-fault': 400,
  'unknown-platform': 400,
  'run-unknown': 404,
  'fault-not-offered': 422,
  refused: 409,
  'plan-drift': 409,
  'target-gone': 409,
  'lock-busy': 409,
  'not-supported': 501,
  'state-unwritable': 503,
  'peer-unavailable': 503,
};

/** `{ error: { code, message, hint } }`: the form of every error of the API. */
export function problem(status: number, code: string, message: string, hint?: string): Response {
  const headers: Record<string, string> = { 'content-type': 'application/json', 'cache-control': 'no-store' };
  // The rest of the body is never read, so the connection is of no more use.
  if (status === 413) headers.connection = 'close';
  if (status === 401) headers['www-authenticate'] = 'Bearer';
  return new Response(`${JSON.stringify({ error: { code, message, ...(hint ? { hint } : {}) } })}\n`, {
    status,
    headers,
  });
}

/** A refused request in the API's form. */
export function refusedProblem({ status, message, hint }: Refused): Response {
  return problem(status, status === 401 ? 'unauthorized' : 'forbidden', message, hint);
}

/** Any thrown thing. What is not meant for people is not shown to them; it goes to `onWarning`. */
export function thrownProblem(error: unknown, onWarning: (message: string) => void): Response {
  if (!isError(error)) {
    onWarning(error instanceof Error ? (error.stack ?? error.message) : String(error));
    return problem(500, 'internal', errorTable.internal.meaning);
  }
  const { code, message, hint } = errorRecord(error);
  return problem(statuses[error.code] ?? 500, code, message, hint);
}

/** The path is known, but not to this method. */
export function wrongMethod(c: Context, methods: readonly string[]): Response {
  const response = problem(
    405,
    'wrong-method',
    `${c.req.path} does not answer to ${c.req.method}`,
    `use ${methods.join(' or ')}`,
  );
  response.headers.set('allow', methods.join(', '));
  return response;
}

/** Nothing is at this method and path. */
export function notFound(c: Context): Response {
  return problem(404, 'not-found', `there is no ${c.req.method} ${c.req.path}`);
}
