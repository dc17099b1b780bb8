import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { EventOf, JournalEvent } from '../core/events.ts';

/** What a journal file holds, and what of it could not be read. */
export interface Scan {
  readonly events: readonly JournalEvent[];
  /** The file ends in the middle of a line: its writer was killed, or is writing just now. */
  readonly torn: boolean;
  /** 1-based numbers of complete lines that are not an event; they are passed over. */
  readonly damaged: readonly number[];
}

/** Put behind a torn line by whoever appends next, so that the half line can never pass for a whole one. */
export const tornMark = '#torn\n';

/** Read a whole journal. Throws what node:fs throws when the file cannot be read. */
export function scanJournal(path: string): Scan {
  const lines = new LineReader();
  return withFile(path, (fd, size) => {
    lines.push(readSpan(fd, 0, size));
    return { events: lines.events, torn: lines.torn, damaged: lines.damaged };
  });
}

/** All events of some types, in order; the others are not even parsed. */
export function eventsOf<T extends JournalEvent['type']>(path: string, ...types: readonly T[]): readonly EventOf<T>[] {
  const needles = types.map((type) => Buffer.from(`"type":"${type}"`));
  return withFile(path, (fd, size) => {
    const bytes = readSpan(fd, 0, size);
    const found: { readonly at: number; readonly event: EventOf<T> }[] = [];
    for (const needle of needles) {
      for (let at = bytes.indexOf(needle); at >= 0; at = bytes.indexOf(needle, at + 1)) {
        const [start, end] = [bytes.lastIndexOf(10, at) + 1, bytes.indexOf(10, at)];
        if (end < 0 || found.at(-1)?.at === start) continue;
        const event = parseLine(bytes.subarray(start, end));
        if (event && types.includes(event.type as T)) found.push({ at: start, event: event as EventOf<T> });
      }
    }
    return found.sort((a, b) => a.at - b.at).map(({ event }) => event);
  });
}

/** The first event, without reading the rest; undefined when there is none. */
export function firstEvent(path: string): JournalEvent | undefined {
  return withFile(path, (fd, size) => {
    for (let span = 16_384; ; span *= 4) {
      const chunk = readSpan(fd, 0, Math.min(span, size));
      const end = chunk.indexOf(10);
      if (end >= 0) return parseLine(chunk.subarray(0, end));
      if (span >= size) return undefined;
    }
  });
}

/** The last event of a type if it stands near the end of a journal (in its last 16 KiB), without reading the rest. */
export function lastEvent<T extends JournalEvent['type']>(path: string, type: T): EventOf<T> | undefined {
  const needle = `"type":"${type}"`;
  return withFile(path, (fd, size) => {
    for (const span of [2048, 16_384]) {
      const from = Math.max(0, size - span);
      const chunk = readSpan(fd, from, size);
      for (let at = chunk.lastIndexOf(needle); at >= 0; at = at > 0 ? chunk.lastIndexOf(needle, at - 1) : -1) {
        const [start, end] = [chunk.lastIndexOf(10, at), chunk.indexOf(10, at)];
        if (end < 0 || (start < 0 && from > 0)) continue;
        const event = parseLine(chunk.subarray(start + 1, end));
        if (event?.type === type) return event as EventOf<T>;
      }
      if (from === 0) break;
    }
    return undefined;
  });
}

/** Turns bytes, in pieces of any size, into events. */
export class LineReader {
  readonly events: JournalEvent[] = [];
  readonly damaged: number[] = [];
  #line = 0;
  #rest: Buffer = Buffer.alloc(0);

  get torn(): boolean {
    return this.#rest.length > 0;
  }

  push(piece: Buffer): void {
    const bytes = this.#rest.length ? Buffer.concat([this.#rest, piece]) : piece;
    let start = 0;
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, start)) {
      this.#line++;
      const line = bytes.subarray(start, end);
      const event = parseLine(line);
      if (event) this.events.push(event);
      else if (line.length > 0) this.damaged.push(this.#line);
      start = end + 1;
    }
    this.#rest = bytes.subarray(start);
  }
}

/** Bytes [from, to) of an open file; fewer when it is shorter. */
export function readSpan(fd: number, from: number, to: number): Buffer {
  const buffer = Buffer.allocUnsafe(Math.max(0, to - from));
  let filled = 0;
  while (filled < buffer.length) {
    const got = readSync(fd, buffer, filled, buffer.length - filled, from + filled);
    if (got === 0) break;
    filled += got;
  }
  return buffer.subarray(0, filled);
}

function parseLine(line: Buffer): JournalEvent | undefined {
  try {
    const value: unknown = JSON.parse(line.toString('utf8'));
    const isEvent = typeof value === 'object' && value !== null && typeof (value as JournalEvent).type === 'string';
    return isEvent ? (value as JournalEvent) : undefined;
  } catch {
    return undefined;
  }
}

function withFile<T>(path: string, use: (fd: number, size: number) => T): T {
  const fd = openSync(path, 'r');
  try {
    return use(fd, fstatSync(fd).size);
  } finally {
    closeSync(fd);
  }
}
