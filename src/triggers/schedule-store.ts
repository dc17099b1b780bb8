import { createHash, randomUUID } from 'node:crypto';
import {
  closeSync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { ZashikiError } from '../core/errors.ts';
import type { ScheduleEntry } from '../core/schedule/state.ts';
import type { ScheduleStore } from './schedule-options.ts';

/** A store in a folder, and how to let go of it. */
export interface ScheduleFiles extends ScheduleStore {
  close(): void;
}

/**
 * Keeps each schedule in `FOLDER/NAME.jsonl`, one entry a line, on disk before `append` returns. A line that a crash
 * has cut short is passed over and never joined to the next. The folder is made when it is missing. The caller sees
 * to it that one process at a time uses it. Throws `state-unwritable`.
 */
export function openScheduleFiles(folder: string): ScheduleFiles {
  const open = new Map<string, number>();
  attempt(folder, () => mkdirSync(folder, { recursive: true, mode: 0o700 }));
  const pathOf = (schedule: string) => join(folder, fileNameFor(schedule));

  const handleOf = (schedule: string): number => {
    const known = open.get(schedule);
    if (known !== undefined) return known;
    const handle = openSync(pathOf(schedule), 'a+', 0o600);
    open.set(schedule, handle);
    endTornLine(handle);
    syncFolder(folder);
    return handle;
  };

  const forget = (schedule: string) => {
    const handle = open.get(schedule);
    open.delete(schedule);
    if (handle !== undefined) closeSync(handle);
  };

  return {
    append(schedule, entry) {
      attempt(pathOf(schedule), () => {
        const handle = handleOf(schedule);
        const { size } = fstatSync(handle);
        try {
          writeAll(handle, `${JSON.stringify(entry)}\n`);
          fdatasyncSync(handle);
        } catch (error) {
          // A full disk may have taken half of the line; without this the next one would be joined to it.
          try {
            ftruncateSync(handle, size);
          } catch {
            forget(schedule); // opening it again ends the torn line
          }
          throw error;
        }
      });
    },
    read: (schedule) => attempt(pathOf(schedule), () => readEntries(pathOf(schedule))),
    replace(schedule, entries) {
      const path = pathOf(schedule);
      const temporary = `${path}.${randomUUID()}`;
      attempt(path, () => {
        try {
          const handle = openSync(temporary, 'wx', 0o600);
          try {
            writeAll(handle, entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
            fsyncSync(handle);
          } finally {
            closeSync(handle);
          }
          forget(schedule);
          renameSync(temporary, path);
          syncFolder(folder);
        } catch (error) {
          rmSync(temporary, { force: true });
          throw error;
        }
      });
    },
    close() {
      for (const schedule of [...open.keys()]) forget(schedule);
    },
  };
}

/** A name that is safe in every folder and different for different schedules. */
export function fileNameFor(schedule: string): string {
  const plain = schedule.replace(/[^a-z0-9-]/g, '_').slice(0, 80);
  if (plain === schedule && plain !== '') return `${plain}.jsonl`;
  return `${plain}.${createHash('sha256').update(schedule).digest('hex').slice(0, 12)}.jsonl`;
}

function readEntries(path: string): readonly ScheduleEntry[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  return text.split('\n').flatMap((line): ScheduleEntry[] => {
    try {
      const entry: unknown = JSON.parse(line);
      const whole = typeof entry === 'object' && entry !== null && 'type' in entry && 'at' in entry;
      return whole ? [entry as ScheduleEntry] : [];
    } catch {
      return [];
    }
  });
}

function endTornLine(handle: number): void {
  const { size } = fstatSync(handle);
  if (size === 0) return;
  const last = Buffer.alloc(1);
  readSync(handle, last, 0, 1, size - 1);
  if (last.toString() !== '\n') writeAll(handle, '\n');
}

function writeAll(handle: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let done = 0; done < bytes.length; ) done += writeSync(handle, bytes, done);
}

/** A new file exists for certain only when its folder is on disk too. */
function syncFolder(folder: string): void {
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

function attempt<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ZashikiError('state-unwritable', `the state of a schedule cannot be kept in ${path}: ${why}`, {
      hint: 'make the folder writable, free some space, or choose another state folder; nothing is run until then',
      cause,
    });
  }
}
