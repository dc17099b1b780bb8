import { createHash } from 'node:crypto';
import type { EpochMs } from '../core/model.ts';
import type { Rng } from '../core/ports.ts';
import type { Schedule } from '../core/schedule/model.ts';
import { anchorReason, nextFire, pastDue, windowOf } from '../core/schedule/next.ts';
import { decideDue, decideOverlap, mostCaughtUp, usualLateness } from '../core/schedule/policy.ts';
import {
  advance,
  emptyState,
  lineOf,
  type ScheduleEntry,
  type ScheduleState,
  timingOf,
} from '../core/schedule/state.ts';
import { windowRefusal } from '../core/window.ts';

/** What a schedule has decided so far, as its status keeps it. */
export type Kept = Omit<ScheduleState, 'open' | 'history'>;

/** What is done about a schedule now. */
export interface Rounds {
  readonly kept: Kept;
  /** Due times whose rounds begin now, oldest first. */
  readonly begin: readonly EpochMs[];
  /** Rounds that go on are ended first. */
  readonly replace: boolean;
  readonly missed: readonly {
    readonly due: EpochMs;
    readonly count: number;
    readonly reason: string;
    readonly forbidden: boolean;
  }[];
  /** When to look again. */
  readonly again: EpochMs | undefined;
}

export interface RoundsInput {
  readonly spec: Schedule['spec'];
  readonly kept: Kept | undefined;
  readonly createdAt: EpochMs;
  /** The first round begins as soon as the schedule is there. */
  readonly atOnce: boolean;
  readonly isPaused: boolean;
  /** Rounds that go on. */
  readonly running: number;
  readonly rng: (draw: number) => Rng;
  readonly now: EpochMs;
}

const single = '';

/** Decide on everything that is due by now. Pure; what it decides is kept before anything else is decided. */
export function roundsOf({ spec, kept, createdAt, atOnce, isPaused, running, rng, now }: RoundsInput): Rounds {
  let state: ScheduleState = { ...emptyState, ...kept };
  const record = (entry: ScheduleEntry) => {
    state = advance(state, entry);
  };
  const result = (more: Partial<Rounds> = {}): Rounds => {
    const { open: _open, history: _history, ...rest } = state;
    return { kept: rest, begin: [], replace: false, missed: [], again: undefined, ...more };
  };
  if (isPaused || spec.suspend) {
    if (!state.suspended) record({ type: 'suspended', at: now });
    return result();
  }
  const isFirst = kept === undefined || Number.isNaN(state.anchor);
  const begin: EpochMs[] = [];
  if (isFirst || anchorReason(spec, state, now)) {
    record({ type: 'anchored', at: isFirst ? createdAt : now, timing: timingOf(spec) });
    if (isFirst && atOnce) begin.push(createdAt);
  }
  const missed: { due: EpochMs; count: number; reason: string; forbidden: boolean }[] = [];
  const miss = (due: EpochMs, count: number, reason: string, forbidden = false) => {
    record({ type: 'missed', at: now, group: single, due, count, reason });
    missed.push({ due, count, reason, forbidden });
  };
  const decided = decideDue(pastDue(spec, state, lineOf(state, single), now, mostCaughtUp), spec, now);
  for (const { due, count, reason } of decided.missed) miss(due, count, reason);
  const window = windowOf(spec);
  let replace = false;
  let waits = false;
  for (const due of decided.fire) {
    const closed = window && windowRefusal(window, now);
    if (closed) {
      miss(due, 1, closed);
      continue;
    }
    const makesUp = decided.fire.length > 1 || now - due > usualLateness;
    const overlap = decideOverlap(spec.concurrencyPolicy, running + begin.length, makesUp);
    if (overlap === 'wait') {
      waits = true;
      break;
    }
    if (overlap === 'miss') {
      miss(due, 1, 'the round before it still goes on (Forbid)', true);
      continue;
    }
    if (overlap === 'replace') replace = true;
    record({ type: 'fired', at: now, group: single, due, run: roundName('', due) });
    begin.push(due);
  }
  const line = lineOf(state, single);
  const draw = line.draws + 1;
  const next = nextFire(spec, state, line, () => rng(draw), now);
  if (next.drawn && next.due !== null) record({ type: 'planned', at: now, group: single, next: next.due, draw });
  return result({ begin, replace, missed, again: waits ? now + 5000 : (next.due ?? undefined) });
}

/** The same due time of the same schedule has the same name, so that no round begins twice: `nightly-x3k9q`. */
export function roundName(uid: string, due: EpochMs): string {
  const letters = 'bcdfghjklmnpqrstvwxz2456789';
  const bytes = createHash('sha256').update(`${uid} ${due}`).digest();
  return [...bytes.subarray(0, 5)].map((byte) => letters[byte % letters.length]).join('');
}
