import { closeSync, fstatSync, fsyncSync, openSync, writeSync } from 'node:fs';
import type { JournalEvent } from '../core/events.ts';
import { LineReader, readSpan } from './scan.ts';
import { checkOwn, journalPath, makeFolder, runFolder, syncFolder } from './state.ts';

/** A journal that is kept open: what stood in it can be read, and put back, although somebody has deleted it. */
export interface HeldJournal {
  events(): readonly JournalEvent[];
  /** Make it anew, with the folders above. Throws what node:fs throws, and `state-unwritable` where others may write. */
  putBack(): void;
}

/** Undefined when it cannot be opened. It is let go when this process ends. */
export function holdJournal(state: string, run: string): HeldJournal | undefined {
  const path = journalPath(state, run);
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch {
    return undefined;
  }
  const bytes = () => readSpan(fd, 0, fstatSync(fd).size);
  return {
    events() {
      const lines = new LineReader();
      lines.push(bytes());
      return lines.events;
    },
    putBack() {
      makeFolder(runFolder(state, run));
      // Somebody else may have made the folder meanwhile: then what is written there is not believed.
      checkOwn(state);
      const copy = openSync(path, 'wx', 0o600);
      try {
        writeSync(copy, bytes());
        fsyncSync(copy);
      } finally {
        closeSync(copy);
      }
      syncFolder(runFolder(state, run));
    },
  };
}
