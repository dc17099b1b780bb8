import { ZashikiError } from '../../../../core/errors.ts';
import { Refusal } from './client.ts';

/** Does the engine say that there is no such thing? */
export const isMissing = (error: unknown): error is Refusal => error instanceof Refusal && error.status === 404;

/** The error for a container that does not exist any more. */
export const goneContainer = (id: string): ZashikiError =>
  new ZashikiError('target-gone', `the container ${id.slice(0, 12)} no longer exists`);

/** What the engine refused, for people; 404 is `target-gone`. Other errors stay what they are. */
export function refused(error: unknown, id: string, what: string): unknown {
  if (!(error instanceof Refusal)) return error;
  if (error.status === 404) return goneContainer(id);
  const code = error.status === 400 ? 'not-supported' : 'inject-failed';
  return new ZashikiError(code, `the engine refused to ${what} ${id.slice(0, 12)}: ${error.message}`, { cause: error });
}
