import {
  closeSync,
  constants,
  existsSync,
  fdatasyncSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { ZashikiError } from '../core/errors.ts';
import type { EventBody, JournalEvent } from '../core/events.ts';
import type { Clock, Journal } from '../core/ports.ts';
import { LineReader, readSpan, tornMark } from './scan.ts';
import { journalPath, makeFolder, runFolder, runsFolder, syncFolder, unwritable } from './state.ts';

/** A journal in a file: `runs/<run>/journal.jsonl`, one event a line, only ever appended to. */
export interface FileJournal extends Journal {
  readonly path: string;
  /** Let go of the file. Appending afterwards throws `state-unwritable`. */
  close(): void;
}

export interface JournalOptions {
  readonly state: string;
  readonly run: string;
  readonly clock: Clock;
}

/** Space put aside when a run begins, so that its end can be written down on a full disk. */
const reserveBytes = 65_536;
const reservePath = (options: Pick<JournalOptions, 'state' | 'run'>) =>
  join(runFolder(options.state, options.run), 'reserve');

/** False once the disk was full: then what is still to be written of this run's end may have no room any more. */
export const hasReserve = (state: string, run: string): boolean => existsSync(reservePath({ state, run }));

/** Events that may use the space put aside: they tell that something is over. */
const closing: readonly EventBody['type'][] = ['recovered', 'recover-failed', 'verified', 'rollback', 'run-finished'];

/** Begin a new run: its folder (mode 0700) and an empty journal, both on disk. Throws `state-unwritable`. */
export function createJournal(options: JournalOptions): FileJournal {
  const { state, run } = options;
  const path = journalPath(state, run);
  try {
    makeFolder(runsFolder(state));
    mkdirSync(runFolder(state, run), { mode: 0o700 });
  } catch (error) {
    throw unwritable(error, path, 'the journal');
  }
  try {
    writeFileSync(reservePath(options), Buffer.alloc(reserveBytes), { mode: 0o600 });
    const fd = openSync(path, 'ax+', 0o600);
    syncFolder(runFolder(state, run));
    syncFolder(runsFolder(state));
    return fileJournal(fd, path, options);
  } catch (error) {
    rmSync(runFolder(state, run), { recursive: true, force: true });
    throw unwritable(error, path, 'the journal');
  }
}

/** Append to the journal of an existing run. Throws `state-unwritable`. */
export function openJournal(options: JournalOptions): FileJournal {
  const path = journalPath(options.state, options.run);
  try {
    // Not O_CREAT: a run that is not there must not come into being by looking at it.
    return fileJournal(openSync(path, constants.O_RDWR | constants.O_APPEND), path, options);
  } catch (error) {
    throw unwritable(error, path, 'the journal');
  }
}

function fileJournal(fd: number, path: string, options: JournalOptions): FileJournal {
  const { clock } = options;
  const lines = new LineReader();
  const listeners = new Set<(event: JournalEvent) => void>();
  let parsed = 0;
  let overtaken = false;
  let open = true;

  const catchUp = () => {
    const { size } = fstatSync(fd);
    if (size > parsed) {
      const chunk = readSpan(fd, parsed, size);
      parsed += chunk.length;
      lines.push(chunk);
    }
  };
  catchUp();
  let seq = lines.events.at(-1)?.seq ?? 0;
  let tail = lines.torn;
  /** The size that the file has if nobody else writes. */
  let expected = parsed;

  const checkOvertaken = () => {
    // Shrunk is not overtaken: nobody has cleaned up, the journal was damaged, and the way back is in our memory.
    if (open) overtaken ||= fstatSync(fd).size > expected;
    return overtaken;
  };

  /** One write(2) of the whole text, or nothing at all. */
  const write = (text: string) => {
    const bytes = Buffer.from(text);
    const before = fstatSync(fd).size;
    const wrote = writeSync(fd, bytes);
    expected += wrote;
    if (wrote === bytes.length) return;
    tail = true;
    if (fstatSync(fd).size === before + wrote) {
      ftruncateSync(fd, before);
      expected -= wrote;
      tail = false;
    }
    throw Object.assign(new Error(`only ${wrote} of ${bytes.length} bytes were written`), { code: 'ENOSPC' });
  };

  const writeLine = (text: string, type: EventBody['type']) => {
    const line = () => (tail ? tornMark : '') + text;
    try {
      write(line());
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if ((code !== 'ENOSPC' && code !== 'EDQUOT') || !closing.includes(type)) throw error;
      rmSync(reservePath(options), { force: true });
      write(line());
    }
    tail = false;
  };

  const append: Journal['append'] = (body, { durable = false } = {}) => {
    if (!open) throw unwritable(new Error('it is closed'), path, 'the journal');
    if (body.type === 'intent' && checkOvertaken()) {
      throw new ZashikiError('refused', `another process has taken over the run, so nothing more is injected`, {
        hint: `what it did is in ${path}`,
      });
    }
    if (body.type === 'intent' && fstatSync(fd).size < expected) {
      throw unwritable(new Error('something was cut off its end'), path, 'the journal');
    }
    const event = { seq: seq + 1, at: clock.now(), mono: clock.mono(), ...body } as JournalEvent;
    try {
      if (durable && fstatSync(fd).nlink === 0) throw Object.assign(new Error('it was deleted'), { code: 'ENOENT' });
      writeLine(`${JSON.stringify(event)}\n`, body.type);
      if (durable) fdatasyncSync(fd);
    } catch (error) {
      throw unwritable(error, path, 'the journal');
    }
    seq++;
    if (body.type === 'run-finished') rmSync(reservePath(options), { force: true });
    for (const listener of listeners) tell(listener, event);
    return event;
  };

  /** A reader that throws is no reason to leave a fault on: it is told of once and not called again. */
  const tell = (listener: (event: JournalEvent) => void, event: JournalEvent) => {
    try {
      listener(event);
    } catch (error) {
      listeners.delete(listener);
      const reason = error instanceof Error ? error.message : String(error);
      append({ type: 'warning', message: `a reader of the events failed and was left out: ${reason}` });
    }
  };

  return {
    path,
    append,
    read() {
      if (open) catchUp();
      return lines.events.slice();
    },
    overtaken: checkOvertaken,
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    close() {
      if (!open) return;
      catchUp();
      checkOvertaken();
      open = false;
      closeSync(fd);
    },
  };
}
