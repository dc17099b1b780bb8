import { closeSync, fstatSync, openSync } from 'node:fs';
import type { JournalEvent } from '../core/events.ts';
import { LineReader, readSpan } from './scan.ts';

/**
 * Read a journal that grows: each call returns all events so far, in an array that is only ever appended to, and reads
 * no byte that it has read before but those of an unfinished line. Throws what node:fs throws.
 */
export function followJournal(path: string): () => readonly JournalEvent[] {
  const lines = new LineReader();
  let parsed = 0;
  return () => {
    const fd = openSync(path, 'r');
    try {
      const { size } = fstatSync(fd);
      if (size <= parsed) return lines.events;
      const chunk = readSpan(fd, parsed, size);
      // A half line is read again: its writer may take it back.
      const whole = chunk.lastIndexOf(10) + 1;
      lines.push(chunk.subarray(0, whole));
      parsed += whole;
      return lines.events;
    } finally {
      closeSync(fd);
    }
  };
}
