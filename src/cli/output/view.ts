import type { JournalEvent } from '../../core/events.ts';

/** Something that shows a run: a reader of its events. `close` may come at any time, also after an error, and twice. */
export interface View {
  onEvent(event: JournalEvent): void;
  /** Print something of another origin (a signal, a warning) without spoiling the picture. */
  say(text: string): void;
  close(): void;
}

/** Where a view writes: a stream, as far as a view needs to know it. */
export interface Screen {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
  on?(event: 'resize', listener: () => void): unknown;
  off?(event: 'resize', listener: () => void): unknown;
}
