import { randomBytes } from 'node:crypto';
import { readlinkSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { EpochMs, Json, Milliseconds } from '../core/model.ts';
import type { Clock, Sharing } from '../core/ports.ts';
import { type LockOptions, withLock } from './lock.ts';
import { needsRecovery, runIds } from './runs.ts';
import { scanJournal } from './scan.ts';
import { journalPath } from './state.ts';

/** The lock of the whole state folder: held while guards look at all runs, and while something shared is changed. */
const stateLock = 'state';

/** A dozen programs are started while it is held: on a machine that is under stress each may take seconds. */
const patience: Milliseconds = 60_000;

/** What injections on one machine that build something together need: one state folder. */
export function openSharing(state: string, clock: Clock, lock: Omit<LockOptions, 'clock'> = {}): Sharing {
  return {
    get owner() {
      return ownerOf(state);
    },
    exclusive: (work, timeoutMs = patience) => withLock(state, stateLock, work, { timeoutMs, ...lock, clock }),
    siblings(shares, except) {
      const on: { readonly at: EpochMs; readonly undo: Json }[] = [];
      // Sorted, so that within one millisecond the order is at least always the same.
      for (const run of [...runIds(state)].sort()) {
        if (!needsRecovery(state, run)) continue;
        const here = onNow(state, run, shares);
        on.push(...here.filter((one) => run !== except.run || one.injection !== except.injection));
      }
      return on.sort((a, b) => a.at - b.at).map(({ undo }) => undo);
    },
  };
}

/** The id of a state folder, made at first need: a link, because that is made whole or not at all. */
function ownerOf(state: string): string {
  const path = join(state, 'owner');
  const read = () => {
    try {
      return readlinkSync(path);
    } catch {
      return undefined;
    }
  };
  const known = read();
  if (known !== undefined) return known;
  try {
    symlinkSync(randomBytes(4).toString('hex'), path);
  } catch {
    // Somebody else was first, or it cannot be written: then nothing is injected either.
  }
  return read() ?? 'unknown';
}

/** Injections of one run that are on: injected, and not recovered since. */
function onNow(state: string, run: string, shares: string) {
  const on = new Map<string, { readonly injection: string; readonly at: EpochMs; readonly undo: Json }>();
  const undos = new Map<string, Json>();
  for (const event of scanJournal(journalPath(state, run)).events) {
    if (event.type === 'intent' && event.shares === shares) undos.set(event.injection, event.undo);
    else if (event.type === 'injected') {
      const undo = undos.get(event.injection);
      if (undo !== undefined) on.set(event.injection, { injection: event.injection, at: event.at, undo });
    } else if (event.type === 'recovered') on.delete(event.injection);
  }
  return [...on.values()];
}
