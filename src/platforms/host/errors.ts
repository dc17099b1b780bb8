import { ZashikiError } from '../../core/errors.ts';
import type { TargetRef } from '../../core/model.ts';
import { gone } from './identity.ts';
import { isDenied, isGone } from './proc.ts';

/**
 * Turn a kernel's refusal into an error for people: ended → `target-gone`; refused → `permission-missing` naming the
 * Linux capability. Anything else is thrown as it is.
 */
export function refusal(error: unknown, target: TargetRef, what: string, capability: string): unknown {
  if (isGone(error)) return gone(target);
  if (!isDenied(error)) return error;
  return denied(target, what, capability, error);
}

/** The error for an act that needs a Linux capability, or to be the owner of the process. */
export function denied(target: TargetRef, what: string, capability: string, cause?: unknown): ZashikiError {
  return new ZashikiError('permission-missing', `the kernel refused to ${what} of ${target.name} (${target.id})`, {
    hint: `run as the owner of the process, as root, or with ${capability}`,
    cause,
  });
}

/** The error for a program that has to be installed. */
export function missing(program: string, packageName: string, what: string): ZashikiError {
  return new ZashikiError('not-supported', `${what} needs the program \`${program}\`, which is not installed`, {
    hint: `install the package ${packageName}`,
  });
}
