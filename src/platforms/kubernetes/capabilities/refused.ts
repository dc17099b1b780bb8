import { ZashikiError } from '../../../core/errors.ts';
import { type ObjectIdentity, told } from '../identity.ts';
import { goneObject, isConflict, isMissing, Refusal } from '../refusal.ts';

/**
 * What the API server refused, for people: an object that is gone, or whose name belongs to another one by now, is
 * `target-gone`. Other errors stay what they are.
 */
export function refused(error: unknown, identity: ObjectIdentity, what: string): unknown {
  if (!(error instanceof Refusal)) return error;
  if (isMissing(error) || isReplaced(error)) return goneObject(told(identity));
  return new ZashikiError('inject-failed', `the API server refused to ${what} ${told(identity)}: ${error.message}`, {
    cause: error,
  });
}

/** The uid that was asked for is not the one that is there. */
export const isReplaced = (error: unknown): boolean => isConflict(error) && /\buid\b/i.test((error as Error).message);

/** Whole seconds, as the API has a grace period; null: the pod's own. */
export const graceSeconds = (ms: number | null): { readonly gracePeriodSeconds?: number } =>
  ms === null ? {} : { gracePeriodSeconds: Math.ceil(ms / 1000) };
