import { existsSync } from 'node:fs';
import { errorRecord, isError, ZashikiError } from '../core/errors.ts';
import type { ErrorRecord, EventBody } from '../core/events.ts';
import type { Milliseconds, Outcome } from '../core/model.ts';
import type { Catalogue } from '../core/ports.ts';
import { type Note, runRollback, type UndoOptions, undoInjection } from '../core/run/undo.ts';
import { elsewhere, sameBoot, sameProcess } from './identity.ts';
import { type FileJournal, openJournal } from './journal.ts';
import { showsLife } from './life.ts';
import { withLock } from './lock.ts';
import { outstanding } from './outstanding.ts';
import { isLive, needsRecovery, runIds } from './runs.ts';
import { firstEvent, scanJournal } from './scan.ts';
import { runLock } from './shared-state.ts';
import { openSharing } from './sharing.ts';
import { copiesOf, dropKept, journalPath, keepFolder, runFolder } from './state.ts';

export interface RecoverOptions extends Omit<UndoOptions, 'copies' | 'sharing'> {
  readonly state: string;
  /** The catalogue, or how to load it: that happens only when there is something to recover. */
  readonly catalogue: Catalogue | (() => Catalogue | Promise<Catalogue>);
  /** Why the run is taken over, for the journal. Default: its runner is gone. */
  readonly reason?: string;
  /** How often each injection is tried, with growing pauses. Default 3. */
  readonly attempts?: number;
  /** How long the lock of the run is waited for. Default 30 s. */
  readonly lockTimeoutMs?: Milliseconds;
  /** Told of each event as it happens, also of those that could not be written down. */
  readonly onEvent?: (event: EventBody) => void;
}

/** What a recovery did. Nothing is left to do when all lists but `recovered` are empty. */
export interface Recovery {
  readonly run: string;
  readonly recovered: readonly string[];
  readonly failed: readonly { readonly injection: string; readonly fault: string; readonly error: ErrorRecord }[];
  readonly unclean: readonly string[];
  readonly rollbacksFailed: readonly number[];
  /** Lines of the journal that cannot be read: what they said was injected is not known, and not undone. */
  readonly damaged: readonly number[];
  /** Of the run as its journal has it now; null when it could not be written. */
  readonly outcome: Outcome | null;
}

/**
 * Undo everything of one run that is outstanding, the latest first, then run the user's rollbacks that are due and
 * close the run. Safe to call from several processes at a time, and again after a crash in the middle. Throws
 * `lock-busy` when another one is at it, `run-unknown`-like file errors when there is no journal.
 */
export async function recoverRun(options: RecoverOptions): Promise<Recovery> {
  const { state, run, clock, signal, lockTimeoutMs = 30_000 } = options;
  const folder = runFolder(state, run);
  try {
    return await withLock(folder, runLock, () => recoverLocked(options), { timeoutMs: lockTimeoutMs, clock, signal });
  } catch (error) {
    // The state folder went read-only while a fault was on: undoing it matters more than writing it down. Without
    // a lock only the dead may be cleaned up after.
    if (!isError(error, 'state-unwritable')) throw error;
    const { started } = outstanding(scanJournal(journalPath(state, run)).events);
    if (started && sameProcess(started.runner)) throw error;
    return await recoverLocked(options);
  }
}

/** What a sweep over all runs did with one of them. */
export type Swept =
  | { readonly run: string; readonly did: 'recovered'; readonly recovery: Recovery }
  | { readonly run: string; readonly did: 'left'; readonly why: string }
  | { readonly run: string; readonly did: 'failed'; readonly error: ErrorRecord };

/**
 * Recover every run that an earlier life left behind, newest first. Runs whose runner lives are left alone, unless
 * `force` (the stop lever, `zashiki recover --force`). One run's failure does not keep the others from being
 * recovered. Costs one short read per run when there is nothing to do.
 */
export async function recoverAll(
  options: Omit<RecoverOptions, 'run'> & { readonly force?: boolean },
): Promise<readonly Swept[]> {
  const swept: Swept[] = [];
  for (const run of runIds(options.state)) {
    options.signal.throwIfAborted();
    try {
      if (!needsRecovery(options.state, run)) {
        clearKept(options.state, run);
        continue;
      }
      const foreign = options.force ? null : await belongsElsewhere(options.state, run);
      if (foreign) throw foreign;
      if (!options.force && isLive(options.state, run)) {
        swept.push({ run, did: 'left', why: 'its runner is still at work' });
        continue;
      }
      swept.push({ run, did: 'recovered', recovery: await recoverRun({ ...options, run }) });
    } catch (error) {
      if (options.signal.aborted) throw error;
      swept.push({ run, did: 'failed', error: errorRecord(error) });
    }
  }
  return swept;
}

/**
 * A run whose processes cannot be seen from here: that they are not here does not mean that they are gone. Under the
 * same kernel, in another container, its sign of life tells.
 */
async function belongsElsewhere(state: string, run: string): Promise<ZashikiError | null> {
  const started = firstEvent(journalPath(state, run));
  if (started?.type !== 'run-started') return null;
  const why = elsewhere(started.runner);
  if (!why) return null;
  // A run that has come to its end has nobody who looks after what it could not undo.
  const isOver = () => outstanding(scanJournal(journalPath(state, run)).events).finished !== undefined;
  if (sameBoot(started.runner) && (isOver() || (await showsLife(runFolder(state, run))) === false)) return null;
  return new ZashikiError('not-supported', `left alone: ${why} (host ${started.host})`, {
    hint: 'run `zashiki recover` there; when that machine or container is gone for good, `zashiki recover --force` here',
  });
}

/** A crash after the last event leaves copies behind that nobody needs any more. */
function clearKept(state: string, run: string): void {
  if (!existsSync(keepFolder(state, run))) return;
  const left = outstanding(scanJournal(journalPath(state, run)).events);
  if (left.finished && left.intents.length === 0 && left.unclean.length === 0) dropKept(state, run);
}

/**
 * A person takes the state as it is: what was undone but is not as before is not tried again, and its copies go. With
 * `all` also what could not be undone. Returns the injections; throws like recoverRun.
 */
export async function acceptRun(
  options: Pick<RecoverOptions, 'state' | 'run' | 'author' | 'clock'> & { readonly all?: boolean },
): Promise<readonly string[]> {
  const { state, run, author, clock, all = false } = options;
  return withLock(runFolder(state, run), runLock, async () => {
    const journal = openJournal({ state, run, clock });
    try {
      const left = outstanding(journal.read());
      const taken = all ? left.intents.map(({ injection }) => injection) : left.unclean;
      for (const injection of taken) {
        journal.append({ type: 'accepted', injection, author }, { durable: true });
        copiesOf(state, run).drop(injection);
      }
      return taken;
    } finally {
      journal.close();
    }
  });
}

async function recoverLocked(options: RecoverOptions): Promise<Recovery> {
  const { state, run, author, signal, clock, attempts = 3 } = options;
  const journal = openIfPossible(options);
  try {
    const events = journal?.read() ?? scanJournal(journalPath(state, run)).events;
    const before = outstanding(events);
    const note = writer(journal, options);
    const done: string[] = [];
    let left = before.intents;
    if (!before.finished) note({ type: 'aborted', reason: options.reason ?? 'the runner is gone', author });

    const catalogue = left.length || before.rollbacks.length ? await loaded(options) : undefined;
    const unclean = new Set<string>();
    let errors = new Map<string, ErrorRecord>();
    for (let attempt = 0; catalogue && left.length && attempt < attempts; attempt++) {
      if (attempt > 0) await clock.sleep(100 * 4 ** (attempt - 1), signal);
      errors = new Map();
      for (const intent of left) {
        signal.throwIfAborted();
        const lock = options.lockTimeoutMs === undefined ? {} : { timeoutMs: options.lockTimeoutMs };
        const ports = { copies: copiesOf(state, run), sharing: openSharing(state, clock, lock) };
        const outcome = await undoInjection(intent, catalogue, { ...options, ...ports }, note);
        if (outcome === 'clean' || outcome === 'unclean') done.push(intent.injection);
        else errors.set(intent.injection, outcome);
        if (outcome === 'unclean') unclean.add(intent.injection);
      }
      left = left.filter((intent) => errors.has(intent.injection));
    }

    // A rollback is retried by hand, but not at every start for ever: it is the user's own and may not be idempotent.
    const due = before.finished && author.role !== 'recover' ? [] : before.rollbacks;
    const rollbacksFailed: number[] = [];
    const rollbacks = before.started?.plan.experiment.spec.rollbacks ?? [];
    for (const index of due) {
      const rollback = rollbacks[index];
      if (!catalogue || !rollback) continue;
      if (!(await runRollback(index, rollback, catalogue, { ...options, cwd: before.started?.cwd }, note)))
        rollbacksFailed.push(index);
    }

    const { damaged } = scanJournal(journalPath(state, run));
    const complete = left.length === 0 && unclean.size === 0 && rollbacksFailed.length === 0 && damaged.length === 0;
    const recovery: Omit<Recovery, 'outcome'> = {
      run,
      recovered: done,
      failed: left.map(({ injection, fault }) => ({ injection, fault, error: errors.get(injection) ?? noError })),
      unclean: [...unclean],
      rollbacksFailed,
      damaged,
    };
    const finished = before.finished ?? finish(recovery, before, complete, options);
    const written = before.finished ? true : note(finished as EventBody, true);
    if (complete && written) dropKept(state, run);
    return { ...recovery, outcome: written ? finished.outcome : null };
  } finally {
    journal?.close();
  }
}

const noError: ErrorRecord = { code: 'recover-failed', message: 'it was not tried' };

const recoverers = {
  reaper: 'the reaper',
  recover: '`zashiki recover`',
  startup: 'the next start',
  daemon: 'the daemon',
  run: 'the next run',
} as const satisfies Record<RecoverOptions['author']['role'], string>;

function finish(
  recovery: Omit<Recovery, 'outcome'>,
  before: ReturnType<typeof outstanding>,
  complete: boolean,
  { author, reason = 'the runner is gone' }: RecoverOptions,
): EventBody & { readonly type: 'run-finished' } {
  const { failed, unclean, rollbacksFailed, recovered, damaged } = recovery;
  const reasons = [
    ...failed.map(({ injection, fault, error }) => `${injection} (${fault}) is still on: ${error.message}`),
    ...unclean.map((injection) => `${injection} was undone, but the target is not as it was before`),
    ...rollbacksFailed.map((index) => `rollbacks[${index}] failed`),
    ...damaged.map((line) => `line ${line} of the journal cannot be read: what it said was done is not known`),
  ];
  const nothing = !before.touched;
  const summary = nothing
    ? `${reason}; nothing had been injected`
    : `${reason}; ${recoverers[author.role]} recovered ${recovered.length === 0 ? 'what was left' : recovered.join(', ')}`;
  return {
    type: 'run-finished',
    outcome: complete ? (nothing ? 'skipped' : 'deviated') : 'rollback-incomplete',
    unverified: (before.started?.plan.experiment.spec.steadyStateHypothesis.length ?? 0) === 0,
    reasons: complete ? [summary] : reasons,
    author,
  };
}

function writer(journal: FileJournal | undefined, { onEvent }: RecoverOptions): Note {
  return (event, durable = false) => {
    onEvent?.(event);
    try {
      journal?.append(event, { durable });
      return journal !== undefined;
    } catch (error) {
      if (!isError(error, 'state-unwritable')) throw error;
      return false;
    }
  };
}

function openIfPossible({ state, run, clock }: RecoverOptions): FileJournal | undefined {
  try {
    return openJournal({ state, run, clock });
  } catch (error) {
    if (!isError(error, 'state-unwritable')) throw error;
    return undefined;
  }
}

async function loaded({ catalogue }: RecoverOptions): Promise<Catalogue> {
  return typeof catalogue === 'function' ? await catalogue() : catalogue;
}
