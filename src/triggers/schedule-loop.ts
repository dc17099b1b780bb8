import type { EpochMs, Milliseconds } from '../core/model.ts';
import type { Clock } from '../core/ports.ts';
import type { Schedule } from '../core/schedule/model.ts';
import { anchorReason, type NextFire, nextFire, pastDue, windowOf } from '../core/schedule/next.ts';
import { decideDue, decideOverlap, mostCaughtUp, usualLateness } from '../core/schedule/policy.ts';
import { lineOf, timingOf } from '../core/schedule/state.ts';
import { windowRefusal } from '../core/window.ts';
import { type Book, openBook } from './schedule-book.ts';
import type { SchedulesOptions } from './schedule-options.ts';
import { followRuns, type Runs } from './schedule-runs.ts';

/** The longest wait between two looks at the wall clock, which may be set, or jump after a sleep of the machine. */
const longestWait: Milliseconds = 30_000;
const jump: Milliseconds = 5_000;
const afterTrouble: Milliseconds = 5_000;

/** Everything about one schedule that its loop needs. */
interface Post {
  readonly schedule: Schedule;
  readonly options: SchedulesOptions;
  readonly book: Book;
  readonly runs: Runs;
  /** What was announced last for a group, so that it is told once. */
  readonly announced: Map<string, string>;
}

/** Follow one schedule until it ends or the signal is aborted; see runSchedules. */
export async function followSchedule(schedule: Schedule, options: SchedulesOptions): Promise<void> {
  const { clock, signal } = options;
  const book = openBook(schedule, options);
  const runs = followRuns(schedule, options, book);
  const post: Post = { schedule, options, book, runs, announced: new Map() };

  if (schedule.spec.suspend) {
    if (!book.state().suspended) book.record({ type: 'suspended', at: clock.now() });
    return book.tell({ type: 'suspended' });
  }
  book.tell({ type: 'started' });
  const jumped = watchClock(clock);
  const grouped = options.groups !== undefined && 'meanTimeBetween' in schedule.spec.schedule;
  let due: EpochMs = Number.NEGATIVE_INFINITY;
  while (!signal.aborted) {
    let wait = longestWait;
    try {
      const by = jumped();
      if (by !== 0) book.tell({ type: 'clock-jumped', by });
      if (by !== 0 || grouped || clock.now() >= due) due = await look(post);
      wait = Math.min(wait, Math.max(0, due - clock.now()));
    } catch (error) {
      book.tell({ type: 'trouble', error });
      [due, wait] = [Number.NEGATIVE_INFINITY, afterTrouble];
    }
    // Groups come and go: none now is no reason to end.
    if (due === Number.POSITIVE_INFINITY && !grouped) {
      book.tell({ type: 'ended', reason: 'no due time is left, or none falls into the window' });
      break;
    }
    await clock.sleep(wait, signal).catch((error) => {
      if (!signal.aborted) throw error;
    });
  }
  await runs.ended();
}

/** One look at all groups: what is due is decided. The soonest of the next due times; infinity when there is none. */
async function look(post: Post): Promise<EpochMs> {
  const { schedule, book } = post;
  const { clock, groups } = post.options;
  book.shorten();
  const reason = anchorReason(schedule.spec, book.state(), clock.now());
  if (reason) {
    book.record({ type: 'anchored', at: clock.now(), timing: timingOf(schedule.spec) });
    book.tell({ type: 'anchored', reason });
  }
  let soonest = Number.POSITIVE_INFINITY;
  for (const group of groups && 'meanTimeBetween' in schedule.spec.schedule ? await groups(schedule) : ['']) {
    soonest = Math.min(soonest, (await visit(post, group)) ?? Number.POSITIVE_INFINITY);
  }
  return soonest;
}

/** Decide on what is due for one group, then plan; the next due time, or null. */
async function visit(post: Post, group: string): Promise<EpochMs | null> {
  const { schedule, options, book } = post;
  const { spec } = schedule;
  const { clock } = options;
  const past = pastDue(spec, book.state(), lineOf(book.state(), group), clock.now(), mostCaughtUp);
  const { fire, missed } = decideDue(past, spec, clock.now());
  for (const { due, count, reason } of missed) book.miss(group, due, count, reason);
  for (const due of fire) {
    await handle(post, group, due, fire.length > 1 || clock.now() - due > usualLateness);
    if (options.signal.aborted) return null;
  }
  const now = clock.now();
  const line = lineOf(book.state(), group);
  const draw = line.draws + 1;
  const rng = () => options.rng(`${schedule.metadata.name}\n${group}\n${draw}`);
  const next = nextFire(spec, book.state(), line, rng, now);
  if (next.drawn && next.due !== null) book.record({ type: 'planned', at: now, group, next: next.due, draw });
  announce(post, group, next, now);
  return next.due;
}

/** Start one run that is due, or write down why not. */
async function handle(post: Post, group: string, due: EpochMs, makesUp: boolean): Promise<void> {
  const { schedule, options, book, runs } = post;
  const window = windowOf(schedule.spec);
  const closed = () => window && (windowRefusal(window, due) ?? windowRefusal(window, options.clock.now()));
  const before = closed();
  if (before) return book.miss(group, due, 1, before, 'outside-window');
  const overlap = decideOverlap(schedule.spec.concurrencyPolicy, runs.count(), makesUp);
  if (overlap === 'miss') return book.miss(group, due, 1, 'the run before it still goes on (Forbid)');
  if (overlap === 'replace') runs.abort(new Error('replaced by the next run of its schedule'));
  if (overlap !== 'start') await runs.ended();
  if (options.signal.aborted) return;
  const after = closed();
  if (after) return book.miss(group, due, 1, after, 'outside-window');
  runs.start(group, due);
}

function announce({ book, announced }: Post, group: string, { due, outside }: NextFire, now: EpochMs): void {
  const text = `${due} ${outside?.due}`;
  if (announced.get(group) === text) return;
  announced.set(group, text);
  if (outside) book.tell({ type: 'outside-window', group, ...outside });
  if (due !== null) book.tell({ type: 'planned', group, next: due, wait: Math.max(0, due - now) });
}

/** How far the wall clock has moved against the monotonic one since the last call; 0 when it is little. */
function watchClock(clock: Clock): () => Milliseconds {
  let [wall, mono] = [clock.now(), clock.mono()];
  return () => {
    const by = clock.now() - wall - (clock.mono() - mono);
    [wall, mono] = [clock.now(), clock.mono()];
    return Math.abs(by) > jump ? by : 0;
  };
}
