import type { EpochMs, Outcome } from '../model.ts';
import type { ScheduleSpec } from './model.ts';

/** How a scheduled run ended; `failed`: it threw, `interrupted`: the daemon died before it ended. */
export type RunOutcome = Outcome | 'failed' | 'interrupted';

/**
 * What a schedule has done, in order: the only state it has. `group` is the empty string unless each group of targets
 * has its own chance (`meanTimeBetween`). A due time is decided by the `fired` or `missed` that covers it, once.
 */
export type ScheduleEntry =
  /** Counting starts here; what was decided or planned before no longer matters. */
  | { readonly type: 'anchored'; readonly at: EpochMs; readonly timing: string }
  /** A time drawn by lot, the `draw`th of its group. Calendar times are not planned: they can be computed again. */
  | {
      readonly type: 'planned';
      readonly at: EpochMs;
      readonly group: string;
      readonly next: EpochMs;
      readonly draw: number;
    }
  /** Written, durably, before the run starts. */
  | {
      readonly type: 'fired';
      readonly at: EpochMs;
      readonly group: string;
      readonly due: EpochMs;
      readonly run: string;
    }
  /** `count` due times, the last of them at `due`, will not be run. */
  | {
      readonly type: 'missed';
      readonly at: EpochMs;
      readonly group: string;
      readonly due: EpochMs;
      readonly count: number;
      readonly reason: string;
    }
  | { readonly type: 'finished'; readonly at: EpochMs; readonly run: string; readonly outcome: RunOutcome }
  /** These runs no longer count as history. */
  | { readonly type: 'pruned'; readonly at: EpochMs; readonly runs: readonly string[] }
  | { readonly type: 'suspended'; readonly at: EpochMs };

export interface FiredRun {
  readonly run: string;
  readonly due: EpochMs;
  readonly group: string;
}

/** Where one group stands. */
export interface Line {
  /** Every due time up to here is decided. */
  readonly cursor: EpochMs;
  readonly planned: { readonly at: EpochMs; readonly next: EpochMs } | null;
  /** How often a time was drawn: with the seed, it decides the next one. */
  readonly draws: number;
}

export interface ScheduleState {
  readonly anchor: EpochMs;
  /** Fingerprint of the timing that the anchor belongs to. */
  readonly timing: string;
  readonly suspended: boolean;
  readonly lines: Readonly<Record<string, Line>>;
  /** Fired and not finished. */
  readonly open: readonly FiredRun[];
  /** Finished and not pruned, oldest first. */
  readonly history: readonly string[];
}

/** Nothing happened yet. */
export const emptyState: ScheduleState = {
  anchor: Number.NaN,
  timing: '',
  suspended: false,
  lines: {},
  open: [],
  history: [],
};

/** Where `group` stands; a group that was never seen stands at the anchor. */
export function lineOf(state: ScheduleState, group: string): Line {
  return state.lines[group] ?? { cursor: state.anchor, planned: null, draws: 0 };
}

/** The state after one more entry. */
export function advance(state: ScheduleState, entry: ScheduleEntry): ScheduleState {
  switch (entry.type) {
    case 'anchored':
      return { ...state, anchor: entry.at, timing: entry.timing, suspended: false, lines: {} };
    case 'planned': {
      const planned = { at: entry.at, next: entry.next };
      const line = { ...lineOf(state, entry.group), planned, draws: entry.draw };
      return { ...state, lines: { ...state.lines, [entry.group]: line } };
    }
    case 'fired':
    case 'missed': {
      const line = { ...lineOf(state, entry.group), cursor: entry.due, planned: null };
      const lines = { ...state.lines, [entry.group]: line };
      if (entry.type === 'missed') return { ...state, lines };
      return { ...state, lines, open: [...state.open, { run: entry.run, due: entry.due, group: entry.group }] };
    }
    case 'finished':
      return {
        ...state,
        open: state.open.filter(({ run }) => run !== entry.run),
        history: [...state.history, entry.run],
      };
    case 'pruned':
      return { ...state, history: state.history.filter((run) => !entry.runs.includes(run)) };
    case 'suspended':
      return { ...state, suspended: true };
  }
}

/** The state after all of `entries`. */
export function replay(entries: readonly ScheduleEntry[]): ScheduleState {
  return entries.reduce(advance, emptyState);
}

/** The fewest entries that lead to the same state: what a store keeps when its file has grown long. */
export function compact(entries: readonly ScheduleEntry[]): readonly ScheduleEntry[] {
  const state = replay(entries);
  if (Number.isNaN(state.anchor)) return [];
  const at = state.anchor;
  // Runs first: what they say about the lines is undone by the anchor, and the lines below have the last word.
  const past = state.history.flatMap((run): ScheduleEntry[] => [
    { type: 'fired', at, group: '', due: at, run },
    { type: 'finished', at, run, outcome: outcomeOf(entries, run) },
  ]);
  const open = state.open.map(({ run, due, group }): ScheduleEntry => ({ type: 'fired', at: due, group, due, run }));
  const lines = Object.entries(state.lines).flatMap(([group, { cursor, planned, draws }]): ScheduleEntry[] => {
    const decided = { type: 'missed', at: cursor, group, due: cursor, count: 0, reason: 'compacted' } as const;
    const drawn = { type: 'planned', group, draw: draws, ...(planned ?? { at: cursor, next: cursor }) } as const;
    return planned ? [decided, drawn] : [drawn, decided];
  });
  const anchored: ScheduleEntry = { type: 'anchored', at, timing: state.timing };
  const suspended: ScheduleEntry[] = state.suspended ? [{ type: 'suspended', at }] : [];
  return [...past, ...open, anchored, ...lines, ...suspended];
}

function outcomeOf(entries: readonly ScheduleEntry[], run: string): RunOutcome {
  for (const entry of entries) if (entry.type === 'finished' && entry.run === run) return entry.outcome;
  return 'interrupted';
}

/** What must be the same for an anchor or a drawn time to stay meaningful. */
export function timingOf(spec: ScheduleSpec): string {
  const byLot = 'meanTimeBetween' in spec.schedule;
  return JSON.stringify([spec.schedule, spec.timezone ?? null, byLot ? (spec.window ?? null) : null]);
}
