import { readdirSync, statSync } from 'node:fs';
import { ZashikiError } from '../core/errors.ts';
import type { JournalEvent } from '../core/events.ts';
import type { EpochMs, Outcome } from '../core/model.ts';
import { sameProcess } from './identity.ts';
import { outstanding } from './outstanding.ts';
import { firstEvent, lastEvent, scanJournal } from './scan.ts';
import { journalPath, runFolder, runsFolder } from './state.ts';

/** One line of `zashiki runs`. */
export interface RunSummary {
  readonly id: string;
  /** The experiment's name; the empty string when the run died before it wrote anything. */
  readonly experiment: string;
  readonly startedAt: EpochMs;
  readonly dryRun: boolean;
  readonly sealed: boolean;
  /** `crashed`: not finished, and its runner is gone. */
  readonly outcome: Outcome | 'running' | 'crashed';
  /** The rollback was incomplete when the run ended, and a later recovery has left nothing. */
  readonly recoveredLater: boolean;
  /** Its last event before `run-finished`, for a duration; null while it runs. */
  readonly finishedAt: EpochMs | null;
}

/** A run with all its events. */
export interface RunRecord {
  readonly id: string;
  readonly folder: string;
  readonly events: readonly JournalEvent[];
  /** The journal ends in the middle of a line. */
  readonly torn: boolean;
  /** Line numbers of the journal that could not be read. */
  readonly damaged: readonly number[];
}

/** Ids of all runs, newest first; none when there is no state folder. */
export function runIds(state: string): readonly string[] {
  try {
    return readdirSync(runsFolder(state)).sort().reverse();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw unreadable(runsFolder(state), error);
  }
}

/** Summaries of the newest `limit` runs (default: all), newest first. Reads only both ends of each journal. */
export function listRuns(state: string, limit = Number.POSITIVE_INFINITY): readonly RunSummary[] {
  const summaries: RunSummary[] = [];
  for (const id of runIds(state)) {
    if (summaries.length >= limit) break;
    const summary = runSummary(state, id);
    if (summary) summaries.push(summary);
  }
  return summaries;
}

/**
 * One run by its id, by an unambiguous beginning of it, or by `last`. Throws `run-unknown` with what there is instead.
 */
export function readRun(state: string, name: string): RunRecord {
  const id = resolveRun(state, name);
  try {
    return { id, folder: runFolder(state, id), ...scanJournal(journalPath(state, id)) };
  } catch (error) {
    throw unreadable(journalPath(state, id), error);
  }
}

/** The full id for an id, a beginning of one, or `last`. Throws `run-unknown`. */
export function resolveRun(state: string, name: string): string {
  if (name !== 'last' && !/[/\\]/.test(name) && hasRun(state, name)) return name;
  const ids = runIds(state).filter((id) => hasRun(state, id));
  const newest = ids[0];
  if (newest === undefined) {
    throw new ZashikiError('run-unknown', `there are no runs in ${state}`, {
      hint: 'start one with: zashiki run FILE',
    });
  }
  if (name === 'last') return newest;
  const matches = ids.filter((id) => id.startsWith(name) && name !== '');
  if (matches.length === 1 && matches[0]) return matches[0];
  if (matches.length > 1) {
    throw new ZashikiError('run-unknown', `"${name}" is the beginning of ${matches.length} runs`, {
      hint: `give more of it: ${matches.slice(0, 3).join(', ')}${matches.length > 3 ? ' …' : ''}`,
    });
  }
  throw new ZashikiError('run-unknown', `there is no run "${name}" in ${state}`, {
    hint: `the newest one is ${newest}; list them with: zashiki runs`,
  });
}

/** True when a run is not finished, or still has an injection that may be on. */
export function needsRecovery(state: string, id: string): boolean {
  const path = journalPath(state, id);
  if (!hasRun(state, id)) return false;
  const finished = lastEvent(path, 'run-finished');
  if (finished && finished.outcome !== 'rollback-incomplete') return false;
  const { events } = scanJournal(path);
  const left = outstanding(events);
  return left.intents.length > 0 || (left.started !== undefined && left.finished === undefined);
}

/** True when the run is not finished and its runner lives. */
export function isLive(state: string, id: string): boolean {
  const path = journalPath(state, id);
  if (!hasRun(state, id) || lastEvent(path, 'run-finished')) return false;
  const first = firstEvent(path);
  if (first?.type !== 'run-started' || !sameProcess(first.runner)) return false;
  // It can stand further up, when a recovery went on after it.
  return outstanding(scanJournal(path).events).finished === undefined;
}

/** The summary of one run by its full id; undefined when there is none. */
export function runSummary(state: string, id: string): RunSummary | undefined {
  const path = journalPath(state, id);
  if (!hasRun(state, id)) return undefined;
  const first = firstEvent(path);
  const started = first?.type === 'run-started' ? first : undefined;
  const finished = lastEvent(path, 'run-finished') ?? outstanding(started ? scanJournal(path).events : []).finished;
  const running = started !== undefined && sameProcess(started.runner);
  return {
    id,
    experiment: started?.plan.experiment.metadata.name ?? '',
    startedAt: first?.at ?? statSync(path).mtimeMs,
    dryRun: started?.dryRun ?? false,
    sealed: started?.sealed ?? false,
    outcome: finished?.outcome ?? (running ? 'running' : 'crashed'),
    recoveredLater: finished?.outcome === 'rollback-incomplete' && nothingLeft(scanJournal(path).events),
    finishedAt: finished?.at ?? null,
  };
}

function nothingLeft(events: readonly JournalEvent[]): boolean {
  const { intents, unclean, rollbacks } = outstanding(events);
  return intents.length + unclean.length + rollbacks.length === 0;
}

/** True when there is a run of exactly this id. */
export function hasRun(state: string, id: string): boolean {
  return statSync(journalPath(state, id), { throwIfNoEntry: false })?.isFile() ?? false;
}

function unreadable(path: string, error: unknown): ZashikiError {
  return new ZashikiError('file-unreadable', `cannot read ${path}: ${(error as Error).message}`, {
    hint: 'run it as the user who started the run, or set ZASHIKI_STATE',
    cause: error,
  });
}
