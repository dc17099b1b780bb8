import { type ErrorCode, errorTable, ZashikiError } from '../core/errors.ts';
import type { Json } from '../core/model.ts';

/** What the agent's refusals of its own mean to the one who asked: here, nothing is wrong with the state or the locks. */
const agentsOwn: readonly ErrorCode[] = ['state-unwritable', 'reaper-failed', 'lock-busy', 'refused'];

/** The error in an agent's answer, as it was thrown there; its own refusals become `own`. */
export function errorIn(status: number, body: Json, agent: string, own: ErrorCode): ZashikiError {
  const { error } = (typeof body === 'object' && body !== null ? body : {}) as { error?: Record<string, unknown> };
  const text = (value: unknown) => (typeof value === 'string' ? value : undefined);
  const code = text(error?.code) ?? '';
  const message = text(error?.message) ?? `status ${status}`;
  const hint = text(error?.hint);
  const more = hint === undefined ? {} : { hint };
  if (status === 401 || status === 403) {
    return new ZashikiError('peer-unavailable', `the agent ${agent} does not let us in: ${message}`, more);
  }
  if (!Object.hasOwn(errorTable, code)) {
    return new ZashikiError('peer-unavailable', `the agent ${agent} answered: ${message}`, more);
  }
  const known = code as ErrorCode;
  if (agentsOwn.includes(known)) return new ZashikiError(own, `on ${agent}: ${message}`, more);
  return new ZashikiError(known, message, more);
}
