import { addressesIn } from '../addresses.ts';
import { errorRecord, isError, ZashikiError } from '../errors.ts';
import type { Author, ErrorRecord, EventBody, Intent } from '../events.ts';
import type { Milliseconds, Rollback } from '../model.ts';
import type { Catalogue, Clock, FaultContext, Journal, Sharing, Sighting } from '../ports.ts';

/** What undoing needs of its surroundings. `patienceMs`: the longest that one call may take, default 60 s. */
export interface UndoOptions {
  readonly run: string;
  /** The copies of one injection: where they are (made if possible), and the way to drop them. Neither throws. */
  readonly copies: { path(injection: string): string; drop(injection: string): void };
  /** For injections that share something with others. */
  readonly sharing: Sharing;
  readonly author: Author;
  /** Where rollbacks run. */
  readonly cwd?: string | undefined;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly patienceMs?: Milliseconds;
}

/** Appends an event; false when it could not be written. A full disk must not end a recovery. */
export type Note = (event: EventBody, durable?: boolean) => boolean;

/** Undo one injection, in the runner or in any later process, and look whether the target is as before. */
export async function undoInjection(
  intent: Intent,
  catalogue: Catalogue,
  options: UndoOptions,
  note: Note,
): Promise<'clean' | 'unclean' | ErrorRecord> {
  const { run, copies, clock, author, sharing } = options;
  const { injection, shares } = intent;
  const keep = copies.path(injection);
  const began = clock.mono();
  try {
    const fault = catalogue.fault(intent.fault);
    const platform = await catalogue.platform(intent.target.platform);
    const context = (signal: AbortSignal): FaultContext => ({
      tag: `${run}.${injection}`,
      ttl: intent.ttl,
      keep,
      clock,
      signal,
      owner: sharing.owner,
      siblings: () => (shares === undefined ? [] : sharing.siblings(shares, { run, injection })),
      addressesOf: addressesIn(catalogue),
    });
    let told = false;
    const tell = (how: 'undone' | 'gone') => {
      if (told) return;
      told = true;
      note({ type: 'recovered', injection, author, took: clock.mono() - began, how }, true);
    };
    const undoNow = (signal: AbortSignal) => async () => {
      const on = await platform.attach(intent.target);
      await fault.recover(on, intent.undo as never, context(signal));
      // While the lock is held: whoever builds what is shared next must not build this one in again.
      tell('undone');
    };
    const undo = (signal: AbortSignal) => (shares === undefined ? undoNow(signal)() : alone(sharing, undoNow(signal)));
    const look = async (signal: AbortSignal): Promise<Sighting> => {
      const on = await platform.attach(intent.target);
      return await fault.verify(on, intent.undo as never, context(signal));
    };
    if (!(await unlessGone(() => bounded(undo, options)))) tell('gone');

    let seen = await sighting(look, options);
    // Recover is idempotent: what did not quite take the first time is done once more.
    if (!seen.yes && (await unlessGone(() => bounded(undo, options)))) seen = await sighting(look, options);
    const written = note({ type: 'verified', injection, clean: seen.yes, detail: seen.detail }, true);
    // The copies are the only way back: kept until it is on disk that they are not needed.
    if (seen.yes && written) copies.drop(injection);
    return seen.yes ? 'clean' : 'unclean';
  } catch (error) {
    if (options.signal.aborted) throw error;
    const record = errorRecord(error);
    note({ type: 'recover-failed', injection, author, error: record });
    return record;
  }
}

/** Less than what one call may take, so that there is time left to lift it without. */
const turnPatience: Milliseconds = 25_000;

/**
 * While nobody else changes what is shared. Where the lock cannot be had, all the same: a fault must not stay on for it.
 * But whoever holds it may be building this one in again, so then it throws `lock-busy`: not done until done alone.
 */
async function alone(sharing: Sharing, work: () => Promise<void>): Promise<void> {
  let began = false;
  const once = () => {
    began = true;
    return work();
  };
  try {
    await sharing.exclusive(once, turnPatience);
  } catch (error) {
    if (began || !isError(error, 'lock-busy', 'state-unwritable')) throw error;
    await work();
    if (!isError(error, 'lock-busy')) return;
    throw new ZashikiError('lock-busy', `undone, but perhaps not for good: ${error.message}`, {
      hint: error.hint ?? 'run `zashiki recover` when it has ended',
      cause: error,
    });
  }
}

async function sighting(look: (signal: AbortSignal) => Promise<Sighting>, options: UndoOptions): Promise<Sighting> {
  try {
    return await bounded(look, options);
  } catch (error) {
    if (isError(error, 'target-gone')) return { yes: true, detail: 'the target is gone' };
    if (options.signal.aborted) throw error;
    return { yes: false, detail: `could not be verified: ${(error as Error).message}` };
  }
}

/** False when the target is gone. */
async function unlessGone(work: () => Promise<void>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    if (isError(error, 'target-gone')) return false;
    throw error;
  }
}

/** Run one rollback of the user; false when it failed, which the journal then tells. */
export async function runRollback(
  index: number,
  { action: { id, params } }: Rollback,
  catalogue: Catalogue,
  options: Omit<UndoOptions, 'copies' | 'sharing'>,
  note: Note,
): Promise<boolean> {
  const { author } = options;
  try {
    const detail = await bounded((signal) => catalogue.rollback(id, params, signal, options.cwd), options);
    note({ type: 'rollback', index, ok: true, detail, author }, true);
    return true;
  } catch (error) {
    if (options.signal.aborted) throw error;
    note({ type: 'rollback', index, ok: false, detail: errorRecord(error).message, author }, true);
    return false;
  }
}

/** A recover that hangs must not keep the others from being recovered. */
async function bounded<T>(
  work: (signal: AbortSignal) => Promise<T>,
  options: Pick<UndoOptions, 'signal' | 'patienceMs'>,
): Promise<T> {
  const { signal, patienceMs = 60_000 } = options;
  const limit = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const error = new ZashikiError('recover-failed', `it did not end within ${patienceMs} ms`);
      limit.abort(error);
      reject(error);
    }, patienceMs);
  });
  try {
    return await Promise.race([work(AbortSignal.any([signal, limit.signal])), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** A note that tells whether it was written: a journal that cannot be written any more must not keep a fault on. */
export function quietNote(journal: Pick<Journal, 'append'>): Note {
  return (event, durable = false) => {
    try {
      journal.append(event, { durable });
      return true;
    } catch (error) {
      if (!isError(error, 'state-unwritable')) throw error;
      return false;
    }
  };
}
