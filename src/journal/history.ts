import { closeSync, fstatSync, fsyncSync, openSync, readSync, rmSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { EventOf } from '../core/events.ts';
import type { EpochMs, Milliseconds } from '../core/model.ts';
import type { Clock, SharedState } from '../core/ports.ts';
import { bootId } from './identity.ts';
import { runIds } from './runs.ts';
import { eventsOf, firstEvent, scanJournal, tornMark } from './scan.ts';
import { journalPath, runFolder, syncFolder, unwritable, writeWhole } from './state.ts';

/*
 * What guards must know of the past: when runs began and what they injected. It stands in the journals; of runs that
 * are removed it is kept in a file of its own, history.jsonl, so that throwing old journals away opens no guard.
 */

type Entry = ReturnType<SharedState['history']>[number];

/** One line of history.jsonl. */
interface Kept extends Pick<EventOf<'injected'>, 'seq' | 'at' | 'mono'> {
  readonly type: Entry['type'];
  readonly run: string;
  readonly experiment: string;
  readonly bootId: string;
}

const day: Milliseconds = 86_400_000;
/** No guard looks further back. */
const keptFor: Milliseconds = 400 * day;
/** Shorter than this it is left as it is, so that a clock set wrong for a moment loses nothing. */
const longFile = 1 << 20;

const keptPath = (state: string) => join(state, 'history.jsonl');

/** Entries of the last `span`, the oldest first, also of removed runs. Throws when the state folder cannot be read. */
export function history(state: string, span: Milliseconds, clock: Clock): readonly Entry[] {
  const now = clock.now();
  const fresh = span + day;
  const seen = new Set<string>();
  // The journals first: a run that is removed meanwhile is then found in the other file.
  const kept = runIds(state).flatMap((run) => {
    const entries = changedSince(journalPath(state, run), now - fresh) ? entriesOf(state, run) : [];
    if (entries.length > 0) seen.add(run);
    return entries;
  });
  const removed = changedSince(keptPath(state), now - fresh) ? keptEntries(state) : [];
  return within([...kept, ...removed.filter(({ run }) => !seen.has(run))], span, clock);
}

/**
 * Remove a run with all its files; what guards must know of it is on disk before. Throws `state-unwritable`, and then
 * the run is still there. One process at a time.
 */
export function removeRun(state: string, run: string, clock: Pick<Clock, 'now'>): void {
  const path = keptPath(state);
  try {
    const entries = entriesOf(state, run);
    if (entries.length > 0) append(path, entries);
    shorten(state, clock.now());
    rmSync(runFolder(state, run), { recursive: true, force: true });
  } catch (error) {
    throw unwritable(error, path, 'the history');
  }
}

/** Ages within this boot are taken from the monotonic clock, so that setting the wall clock opens no guard. */
function within(entries: readonly Kept[], span: Milliseconds, clock: Clock): readonly Entry[] {
  const [now, mono, boot] = [clock.now(), clock.mono(), bootId()];
  return entries
    .flatMap(({ run, experiment, type, ...entry }) => {
      const sameBoot = boot !== '' && entry.bootId === boot;
      const age = sameBoot && entry.mono <= mono ? mono - entry.mono : now - entry.at;
      return age >= 0 && age <= span ? [{ run, experiment, at: now - age, type }] : [];
    })
    .sort((a, b) => a.at - b.at);
}

/** Of one run; none for a dry one, and for one that is not there. */
function entriesOf(state: string, run: string): readonly Kept[] {
  const path = journalPath(state, run);
  try {
    const first = firstEvent(path);
    if (first?.type !== 'run-started' || first.dryRun) return [];
    const experiment = first.plan.experiment.metadata.name;
    const { bootId } = first.runner;
    return eventsOf(path, 'injected', 'run-started').map(({ type, seq, at, mono }) => ({
      ...{ type, run, experiment, seq, at, mono, bootId },
    }));
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

/** Each once: a crash between keeping and removing makes the next removal keep them again. */
function keptEntries(state: string): readonly Kept[] {
  try {
    const entries = scanJournal(keptPath(state)).events as readonly unknown[] as readonly Kept[];
    return [...new Map(entries.map((entry) => [`${entry.run} ${entry.seq}`, entry])).values()];
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

function append(path: string, entries: readonly Kept[]): void {
  const made = statSync(path, { throwIfNoEntry: false }) === undefined;
  const fd = openSync(path, 'a+', 0o600);
  try {
    const text = `${endsTorn(fd) ? tornMark : ''}${entries.map((entry) => `${JSON.stringify(entry)}\n`).join('')}`;
    const bytes = Buffer.from(text);
    if (writeSync(fd, bytes) !== bytes.length) throw Object.assign(new Error('the disk is full'), { code: 'ENOSPC' });
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  if (made) syncFolder(join(path, '..'));
}

function endsTorn(fd: number): boolean {
  const { size } = fstatSync(fd);
  const last = Buffer.alloc(1);
  return size > 0 && readSync(fd, last, 0, 1, size - 1) === 1 && last[0] !== 10;
}

function shorten(state: string, now: EpochMs): void {
  const path = keptPath(state);
  if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) < longFile) return;
  const entries = keptEntries(state);
  const young = entries.filter(({ at }) => at >= now - keptFor);
  if (young.length < entries.length / 2) writeWhole(path, young.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
}

/** False when nothing was appended to the file since then: the wall clock may have been set by less than a day. */
const changedSince = (path: string, then: EpochMs) =>
  (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Number.NEGATIVE_INFINITY) >= then;

const isMissing = (error: unknown) => (error as NodeJS.ErrnoException).code === 'ENOENT';
