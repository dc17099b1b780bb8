import { stripVTControlCharacters } from 'node:util';
import { systemClock } from '../../core/clock.ts';
import type { JournalEvent } from '../../core/events.ts';
import { sealEvent } from '../../report/seal.ts';
import { emptyBoard, updateBoard } from './board.ts';
import { boardLines } from './board-lines.ts';
import { painter } from './style.ts';
import { displayWidth } from './table.ts';
import { renderVerdict } from './verdict-view.ts';
import type { Screen, View } from './view.ts';

const hideCursor = '\u001b[?25l';
const showCursor = '\u001b[?25h';
/** Between these two a terminal that knows them shows nothing half-drawn; others ignore them. */
const [beginFrame, endFrame] = ['\u001b[?2026h', '\u001b[?2026l'];
const clearLine = '\u001b[K';
const clearBelow = '\u001b[J';

export interface LiveViewOptions {
  readonly color: boolean;
  /** Least time between two frames. Default 100 ms. */
  readonly every?: number;
  /** Monotonic milliseconds, as in the events. */
  readonly mono?: () => number;
}

/**
 * A picture of the run that is redrawn in place, at most ten times a second. The cursor comes back whatever happens,
 * also when the process exits through an error. The verdict is printed below when it closes.
 */
export function liveView(out: Screen, { color, every = 100, mono = systemClock.mono }: LiveViewOptions): View {
  const paint = painter(color);
  const events: JournalEvent[] = [];
  let board = emptyBoard;
  let sealed = false;
  let drawn: readonly string[] = [];
  let closed = false;
  let dirty = false;

  const size = () => ({ width: Math.max(20, (out.columns ?? 80) - 1), height: Math.max(4, (out.rows ?? 24) - 1) });
  // After a resize the terminal has broken long lines anew: count the rows that they take now.
  const rowsDrawn = () => {
    const columns = out.columns ?? 80;
    return drawn.reduce(
      (sum, line) => sum + Math.max(1, Math.ceil(displayWidth(stripVTControlCharacters(line)) / columns)),
      0,
    );
  };
  const up = () => (drawn.length === 0 ? '' : `\u001b[${rowsDrawn()}A`);
  const elapsed = () => {
    const now = board.finished ? board.lastMono : Math.max(board.lastMono, mono());
    return board.startMono === null ? 0 : now - board.startMono;
  };
  const frame = () => {
    const lines = boardLines(board, elapsed(), size(), paint);
    const text = lines.map((line) => `${line}${clearLine}\n`).join('');
    out.write(`${beginFrame}\r${up()}${text}${clearBelow}${endFrame}`);
    drawn = lines;
    dirty = false;
  };
  const restore = () => void out.write(showCursor);
  const resized = () => {
    if (!closed) frame();
  };
  // Elapsed time moves on without events, but a second is fine enough then.
  let idle = 0;
  const timer = setInterval(() => {
    idle = dirty ? 0 : idle + every;
    if (dirty || idle >= 1000) {
      idle = 0;
      frame();
    }
  }, every);
  timer.unref();
  process.once('exit', restore);
  out.on?.('resize', resized);
  out.write(hideCursor);

  return {
    onEvent(event) {
      events.push(event);
      if (event.type === 'run-started') sealed = event.sealed;
      board = updateBoard(board, sealed ? sealEvent(event) : event);
      dirty = true;
    },
    say(text) {
      out.write(`\r${up()}${clearBelow}${text.endsWith('\n') ? text : `${text}\n`}`);
      drawn = [];
      if (!closed) frame();
    },
    close() {
      if (closed) return;
      closed = true;
      clearInterval(timer);
      out.off?.('resize', resized);
      process.off('exit', restore);
      if (events.length > 0) frame();
      restore();
      if (events.length > 0) out.write(`\n${renderVerdict(events, { color, width: size().width })}\n`);
    },
  };
}
