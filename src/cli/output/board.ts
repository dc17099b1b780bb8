import { formatDuration } from '../../core/duration.ts';
import type { JournalEvent, Phase } from '../../core/events.ts';
import { eventLine, type Weight } from '../../report/event-lines.ts';

/** What the live view knows of a run, kept up event by event, in bounded memory. */
export interface Board {
  readonly name: string;
  readonly flags: readonly string[];
  readonly phase: Phase | 'starting';
  readonly startMono: number | null;
  readonly lastMono: number;
  readonly step: string | null;
  readonly lanes: readonly Lane[];
  readonly injections: readonly LiveInjection[];
  readonly messages: readonly { readonly t: number; readonly text: string; readonly weight: Weight }[];
  readonly finished: boolean;
}

/** `ok` and `bad` are readings; `on` and `off` say when a fault came and went. */
export type Mark = 'ok' | 'bad' | 'on' | 'off';

export interface Lane {
  readonly name: string;
  readonly marks: readonly Mark[];
  readonly last: string;
  readonly lastOk: boolean;
  readonly good: number;
  readonly all: number;
}

export interface LiveInjection {
  readonly id: string;
  readonly label: string;
  readonly oneShot: boolean;
  readonly state: 'written' | 'on' | 'off' | 'failed';
  readonly detail: string;
  readonly since: number;
}

const withTarget = 'gone with its target';
const mostMarks = 400;
const mostMessages = 6;

export const emptyBoard: Board = {
  name: '',
  flags: [],
  phase: 'starting',
  startMono: null,
  lastMono: 0,
  step: null,
  lanes: [],
  injections: [],
  messages: [],
  finished: false,
};

/** The board after one more event. */
export function updateBoard(before: Board, event: JournalEvent): Board {
  const board = { ...before, startMono: before.startMono ?? event.mono, lastMono: event.mono };
  const t = event.mono - board.startMono;
  const patch = (id: string, change: Partial<LiveInjection>): readonly LiveInjection[] =>
    board.injections.map((injection) => (injection.id === id ? { ...injection, ...change } : injection));
  const note = () => withMessage(board, event, t);
  switch (event.type) {
    case 'run-started': {
      const { spec, metadata } = event.plan.experiment;
      const lanes = spec.steadyStateHypothesis.map(({ name }) => emptyLane(name));
      const flags = [event.dryRun ? 'dry run' : '', event.sealed ? 'sealed' : ''].filter(Boolean);
      return { ...board, name: metadata.name, flags, lanes };
    }
    case 'phase':
      return { ...board, phase: event.phase, step: null };
    case 'probe':
      return event.of === 'hypothesis'
        ? { ...board, lanes: addReading(board.lanes, event) }
        : event.ok
          ? board
          : note();
    case 'step-started':
      return { ...board, step: event.label || event.step };
    case 'intent': {
      const label = `${event.fault} → ${event.target.name} (${event.target.id})`;
      const fresh = {
        id: event.injection,
        label,
        oneShot: !event.reversible,
        state: 'written',
        detail: event.note ?? '',
        since: t,
      } as const;
      return { ...board, injections: [...board.injections, fresh].slice(-200) };
    }
    case 'injected':
      return {
        ...note(),
        injections: patch(event.injection, { state: 'on', since: t }),
        lanes: addMark(board.lanes, 'on'),
      };
    case 'inject-failed':
      return { ...note(), injections: patch(event.injection, { state: 'failed', detail: event.error.message }) };
    case 'observed':
      return { ...note(), injections: patch(event.injection, { detail: event.detail }) };
    case 'recovered': {
      const detail = event.how === 'gone' ? withTarget : 'undone';
      return {
        ...note(),
        injections: patch(event.injection, { state: 'off', since: t, detail }),
        lanes: addMark(board.lanes, 'off'),
      };
    }
    case 'recover-failed':
      return { ...note(), injections: patch(event.injection, { state: 'failed', detail: event.error.message }) };
    case 'verified':
      if (board.injections.some(({ id, detail }) => id === event.injection && detail === withTarget)) return board;
      return event.clean
        ? { ...board, injections: patch(event.injection, { detail: 'undone and verified' }) }
        : { ...note(), injections: patch(event.injection, { state: 'failed', detail: event.detail }) };
    case 'run-finished':
      return { ...board, phase: 'done', step: null, finished: true };
    case 'step-finished':
    case 'reaper-started':
      return board;
    default:
      return note();
  }
}

const emptyLane = (name: string): Lane => ({ name, marks: [], last: '', lastOk: true, good: 0, all: 0 });

function addReading(lanes: readonly Lane[], event: Extract<JournalEvent, { type: 'probe' }>): readonly Lane[] {
  const padded = event.index < lanes.length ? lanes : [...lanes, emptyLane(`hypothesis ${event.index + 1}`)];
  return padded.map((lane, index) =>
    index !== event.index
      ? lane
      : {
          ...lane,
          marks: push(lane.marks, event.ok ? 'ok' : 'bad'),
          last: event.ok ? shortValue(event) : (event.why ?? 'out of tolerance'),
          lastOk: event.ok,
          good: lane.good + (event.ok ? 1 : 0),
          all: lane.all + 1,
        },
  );
}

const addMark = (lanes: readonly Lane[], mark: Mark): readonly Lane[] =>
  lanes.map((lane) => ({ ...lane, marks: push(lane.marks, mark) }));

const push = (marks: readonly Mark[], mark: Mark): readonly Mark[] => [...marks.slice(1 - mostMarks), mark];

/** The value in a few characters: a latency, a count, a status. */
function shortValue({ value, took }: Extract<JournalEvent, { type: 'probe' }>): string {
  if (typeof value === 'number' || typeof value === 'string' || typeof value === 'boolean')
    return String(value).slice(0, 24);
  if (value === null || Array.isArray(value)) return formatDuration(took);
  const { latency, count, size, status, code } = value as Readonly<Record<string, unknown>>;
  if (typeof latency === 'number') return formatDuration(latency);
  const first = [count, size, status, code].find((each) => typeof each === 'number');
  return first === undefined ? formatDuration(took) : String(first);
}

function withMessage(board: Board, event: JournalEvent, t: number): Board {
  const targets = new Map(board.injections.map(({ id, label }) => [id, label] as const));
  const names = board.lanes.map(({ name }) => name);
  const { label, text, weight } = eventLine(event, names, targets);
  return { ...board, messages: [...board.messages, { t, text: `${label}  ${text}`, weight }].slice(-mostMessages) };
}
