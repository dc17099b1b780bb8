import type { ErrorRecord } from './events.ts';
import { exitCodes } from './model.ts';

/** Every error that a user can meet: its meaning (for docs/reference/errors.md) and the exit code it leads to. */
export const errorTable = {
  usage: { meaning: 'The command line is wrong.', exit: exitCodes.usage },
  'document-invalid': {
    meaning: 'The experiment file has errors; each is listed with its place.',
    exit: exitCodes.usage,
  },
  'not-available': {
    meaning: 'The document is right, and what it asks for is known, but not yet available in this version.',
    exit: exitCodes.usage,
  },
  'file-unreadable': { meaning: 'A file named on the command line cannot be read.', exit: exitCodes.usage },
  'unknown-fault': { meaning: 'The fault is not in the catalogue.', exit: exitCodes.usage },
  'unknown-platform': { meaning: 'The platform is not known.', exit: exitCodes.usage },
  'fault-not-offered': { meaning: 'The target lacks a capability that the fault needs.', exit: exitCodes.usage },
  'run-unknown': { meaning: 'No run of this id is in the state folder.', exit: exitCodes.usage },
  'plan-invalid': { meaning: 'The plan file was changed or is of another version.', exit: exitCodes.usage },
  'plan-drift': {
    meaning: 'A pinned target is gone or was replaced since the plan was made.',
    exit: exitCodes.refused,
  },
  refused: { meaning: 'A guard refused the run; nothing was done.', exit: exitCodes.refused },
  'state-unwritable': {
    meaning: 'The journal cannot be written, so nothing is injected.',
    exit: exitCodes.refused,
  },
  'lock-busy': { meaning: 'Another Zashiki process holds the lock on this state.', exit: exitCodes.refused },
  'reaper-failed': {
    meaning: 'The reaper could not be started, so nothing is injected.',
    exit: exitCodes.refused,
  },
  'not-supported': {
    meaning: 'This machine or operating system lacks what the fault or command needs.',
    exit: exitCodes.refused,
  },
  'permission-missing': {
    meaning: 'The kernel refused; the message names the missing Linux capability.',
    exit: exitCodes.refused,
  },
  'target-gone': {
    meaning: 'The target no longer exists (or its pid now belongs to another process).',
    exit: exitCodes.skipped,
  },
  'no-effect': { meaning: 'The fault was applied but its effect could not be seen.', exit: exitCodes.skipped },
  'inject-failed': { meaning: 'The fault could not be applied to a target.', exit: exitCodes.skipped },
  'recover-failed': {
    meaning: 'A fault could not be undone; it is still outstanding.',
    exit: exitCodes['rollback-incomplete'],
  },
  'peer-unavailable': { meaning: 'A service that is needed does not answer.', exit: exitCodes.skipped },
  internal: { meaning: 'A bug in Zashiki; please report it with the journal.', exit: exitCodes['rollback-incomplete'] },
} as const satisfies Record<string, { meaning: string; exit: number }>;

export type ErrorCode = keyof typeof errorTable;

/** A place in a file, 1-based. */
export interface SourcePosition {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

const brand = Symbol.for('zashiki.error');

/**
 * The only error type that is meant for people: what was wrong, where, and what to do about it. Known by `instanceof` to
 * every copy of this class: the reaper is two programs in one process, and what one throws the other must understand.
 */
export class ZashikiError extends Error {
  static override [Symbol.hasInstance](value: unknown): value is ZashikiError {
    return typeof value === 'object' && value !== null && (value as { [brand]?: boolean })[brand] === true;
  }

  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly at: SourcePosition | undefined;

  constructor(code: ErrorCode, message: string, more: { hint?: string; cause?: unknown; at?: SourcePosition } = {}) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    this.name = 'ZashikiError';
    this.code = code;
    this.hint = more.hint;
    this.at = more.at;
  }

  get [brand](): true {
    return true;
  }
}

/** True for a ZashikiError of one of these codes. */
export function isError(error: unknown, ...codes: readonly ErrorCode[]): error is ZashikiError {
  return error instanceof ZashikiError && (codes.length === 0 || codes.includes(error.code));
}

/** Any thrown thing as plain JSON for the journal; unknown errors become `internal`. */
export function errorRecord(error: unknown): ErrorRecord {
  if (error instanceof ZashikiError) {
    return { code: error.code, message: error.message, ...(error.hint ? { hint: error.hint } : {}) };
  }
  return { code: 'internal', message: error instanceof Error ? error.message : String(error) };
}
