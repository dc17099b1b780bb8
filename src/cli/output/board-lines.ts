import { formatDuration } from '../../core/duration.ts';
import type { Board, Lane, LiveInjection, Mark } from './board.ts';
import type { Paint, Tone } from './style.ts';
import { displayWidth, fillTo, plain, truncate } from './table.ts';

export interface BoardSize {
  readonly width: number;
  readonly height: number;
}

const phaseWords: Readonly<Record<Board['phase'], string>> = {
  starting: 'starting',
  before: 'is it steady?',
  method: 'method',
  recover: 'recovering',
  after: 'steady again?',
  rollback: 'rollbacks',
  done: 'done',
};

const marks: Readonly<Record<Mark, readonly [string, Tone]>> = {
  ok: ['▪', 'good'],
  bad: ['✘', 'bad'],
  on: ['▼', 'fault'],
  off: ['▲', 'fault'],
};

/** The board as lines, each at most `width` wide, not more than `height` of them; the messages give way first. */
export function boardLines(
  board: Board,
  elapsed: number,
  { width, height }: BoardSize,
  paint: Paint,
): readonly string[] {
  const head = headLine(board, elapsed, width, paint);
  const lanes = board.lanes.map((lane) => laneLine(lane, nameWidth(board, width), width, paint));
  const longest = Math.max(0, ...board.injections.map(({ label }) => displayWidth(plain(label))));
  const labels = Math.min(longest, Math.floor(width * 0.55));
  const rows = board.injections.map((injection) => injectionLine(injection, elapsed, labels, width, paint));
  const room = Math.max(0, height - 1);
  const shownLanes = cutList(lanes, Math.max(1, Math.floor(room / 2)), 'hypothesis', paint);
  const left = room - shownLanes.length - 2;
  const shownRows = cutTail(rows, Math.max(1, Math.min(left, 8)), paint);
  const messageRoom = left - shownRows.length - 1;
  const messages =
    messageRoom < 1 ? [] : board.messages.slice(-messageRoom).map((message) => messageLine(message, width, paint));
  return [head, ...gap(shownLanes), ...gap(shownRows), ...gap(messages)].slice(0, Math.max(1, height));
}

const gap = (lines: readonly string[]) => (lines.length === 0 ? [] : ['', ...lines]);

function headLine(board: Board, elapsed: number, width: number, paint: Paint): string {
  const flags = board.flags.length > 0 ? ` [${board.flags.join(', ')}]` : '';
  const time = formatElapsed(elapsed);
  const step = board.step ? `: ${plain(board.step)}` : '';
  const on = board.injections.filter(({ state, oneShot }) => state === 'on' && !oneShot).length;
  const faults = on > 0 ? ` · ${on === 1 ? 'a fault is on' : `${on} faults are on`}` : '';
  const right = `${phaseWords[board.phase]}${step}${faults}`;
  const room = width - displayWidth(time) - 4;
  const name = truncate(plain(board.name) + flags, Math.max(8, Math.floor(room * 0.5)));
  const rest = truncate(right, Math.max(0, room - displayWidth(name) - 1));
  return `${paint('soft', time)}  ${paint('strong', name)}  ${paint(on > 0 ? 'fault' : 'plain', rest)}`;
}

const nameWidth = (board: Board, width: number) =>
  Math.min(Math.max(...board.lanes.map(({ name }) => displayWidth(plain(name))), 4), Math.floor(width * 0.32));

function laneLine(lane: Lane, names: number, width: number, paint: Paint): string {
  const share = lane.all === 0 ? '' : `${Math.floor((lane.good / lane.all) * 100)}% good`;
  const values = Math.max(10, Math.floor(width * 0.22));
  const strip = Math.max(0, width - names - values - 9 - 6);
  const shown = lane.marks.slice(strip > 0 ? -strip : lane.marks.length);
  const drawn =
    shown.map((mark) => paint(marks[mark][1], marks[mark][0])).join('') + ' '.repeat(Math.max(0, strip - shown.length));
  return `${fillTo(plain(lane.name), names)}  ${drawn}  ${paint(lane.lastOk ? 'plain' : 'bad', fillTo(plain(lane.last), values))}  ${paint('soft', share.padStart(9))}`;
}

const states: Readonly<Record<LiveInjection['state'], readonly [string, Tone]>> = {
  written: ['○', 'soft'],
  on: ['●', 'fault'],
  off: ['✔', 'good'],
  failed: ['✘', 'bad'],
};

function injectionLine(injection: LiveInjection, elapsed: number, labels: number, width: number, paint: Paint): string {
  const { state, oneShot, since, detail } = injection;
  const [mark, tone] = oneShot && state === 'on' ? (['✔', 'fault'] as const) : states[state];
  const word =
    state === 'written'
      ? 'about to be injected'
      : state === 'failed'
        ? detail
        : state === 'off' || oneShot
          ? detail || 'done'
          : `on for ${formatDuration(Math.max(0, elapsed - since))}${detail ? `, ${detail}` : ''}`;
  const label = fillTo(plain(injection.label), labels);
  const rest = truncate(plain(word), width - labels - 5);
  return `${paint(tone, mark)} ${label}  ${paint(state === 'failed' ? 'bad' : 'soft', rest)}`;
}

function messageLine({ t, text, weight }: Board['messages'][number], width: number, paint: Paint): string {
  const time = `${(t / 1000).toFixed(2)}s`.padStart(8);
  const tone: Tone = weight === 'bad' ? 'bad' : weight === 'good' ? 'good' : 'soft';
  return `${paint('soft', time)}  ${paint(tone, truncate(plain(text), width - 11))}`;
}

function cutList(lines: readonly string[], most: number, noun: string, paint: Paint): readonly string[] {
  if (lines.length <= most) return lines;
  return [...lines.slice(0, Math.max(0, most - 1)), paint('soft', `… and ${lines.length - most + 1} more of ${noun}`)];
}

/** The newest matter most. */
function cutTail(lines: readonly string[], most: number, paint: Paint): readonly string[] {
  if (lines.length <= most) return lines;
  const kept = Math.max(1, most - 1);
  return [paint('soft', `… ${lines.length - kept} earlier`), ...lines.slice(-kept)];
}

/** `0:07`, `12:30`, `1:05:00`. */
function formatElapsed(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60), seconds % 60];
  const two = (n: number) => String(n).padStart(2, '0');
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}
