import { formatDuration } from '../core/duration.ts';
import { errorRecord, ZashikiError } from '../core/errors.ts';
import { type Book, lineOf } from './book.ts';
import { type EndedBy, type Held, isOpen, keyOf, rememberMs } from './held.ts';
import type { Session } from './session.ts';
import { remembered, type Undone, undoHeld } from './undoing.ts';

/** Take it off. Safe to call in any phase; throws what keeps it on, and then it is tried again by `endDue`. */
export async function end(book: Book, one: Held, by: EndedBy, user: string, why?: string): Promise<Undone> {
  const { clock, shared, telemetry, log } = book;
  const { name, intent, session } = one;
  if (one.ended) return one.ended;
  if (one.phase === 'planned') {
    shared.dropKept(name.run, name.injection);
    return over(book, one, by, { clean: true, detail: why ?? 'it was never put on' });
  }
  const from = clock.mono();
  one.cut.abort(new ZashikiError('inject-failed', why ?? 'it is taken off'));
  try {
    const undone = intent.reversible
      ? await undoHeld(intent, session, user, book)
      : { clean: true, detail: 'nothing of it stays' };
    session.safety.disarm(name.injection);
    telemetry.recovered(intent.fault, by, undone.clean, clock.mono() - from);
    const detail = why === undefined ? undone.detail : `recovered by the agent: ${why}; ${undone.detail}`;
    return over(book, one, by, { clean: undone.clean, detail });
  } catch (error) {
    telemetry.recoverFailed(intent.fault);
    const pause = Math.min(30_000, (one.retry?.pause ?? 250) * 2);
    one.retry = { by, at: clock.mono() + pause, pause, why: errorRecord(error).message };
    log(`${lineOf(one)} could not be undone: ${one.retry.why}; next try in ${formatDuration(pause)}`);
    throw error;
  }
}

function over({ clock }: Book, one: Held, by: EndedBy, undone: Undone): Undone {
  one.phase = 'off';
  one.until = clock.mono() + rememberMs;
  one.ended = { by, ...undone };
  delete one.retry;
  return undone;
}

/** Undo what is due by lease or duration, or is to be tried again; forget what has long ended. Does not wait. */
export function endDue(book: Book, one: Held): void {
  if (one.ending) return;
  const now = book.clock.mono();
  const late = () => one.until <= book.clock.mono();
  const turn = (by: EndedBy, why: string, still: () => boolean) => {
    one.ending = true;
    book
      .inTurn(keyOf(one.name), async () => {
        // While we waited for our turn it may have been renewed, or taken off.
        if (!still() || one.ended) return;
        book.log(`${lineOf(one)}: ${why}`);
        await end(book, one, by, `agent: ${by}`, why);
      })
      .catch(() => {})
      .finally(() => {
        one.ending = false;
      });
  };
  if (one.retry) {
    if (one.retry.at <= now) turn(one.retry.by, `tried again after: ${one.retry.why}`, () => true);
  } else if (one.phase === 'off' || one.phase === 'once') {
    if (late()) book.all.delete(keyOf(one.name));
  } else if (one.phase === 'planned') {
    if (late()) turn('lease', 'nobody carried the plan out', () => late() && one.phase === 'planned');
  } else if (late()) {
    if (one.phase === 'injecting') one.cut.abort(new ZashikiError('inject-failed', 'its lease ran out'));
    turn('lease', 'its lease ran out', late);
  } else if (one.ttlUntil <= now) {
    turn('duration', 'its duration is over', () => true);
  }
}

/** Undo all, the latest first. What cannot be undone now is tried again by `endDue`. */
export async function endAll(book: Book, by: EndedBy, why: string): Promise<void> {
  const open = [...book.all.values()].filter((one) => isOpen(one) && !one.retry);
  for (const one of open.reverse()) {
    await book.inTurn(keyOf(one.name), () => end(book, one, by, `agent: ${by}`, why)).catch(() => {});
  }
}

/** The reaper (or a person) took a session over, because we were stopped or hung: it undoes all that is on. */
export function loseSession(book: Book, session: Session): void {
  book.log(`session ${session.run} was taken over by another process`);
  for (const one of book.all.values()) {
    if (one.session !== session || !isOpen(one)) continue;
    const detail = 'recovered by the reaper: the agent gave no sign of life';
    over(book, one, 'reaper', { clean: remembered(book.state, one.name) !== 'on', detail });
  }
  book.sessions.lose(session);
}

/** Close a session that has nothing on any more. */
export async function closeIfOver(book: Book, session: Session): Promise<void> {
  const mine = [...book.all.values()].filter((one) => one.session === session);
  if (mine.some(isOpen)) return;
  const left = mine.filter(({ ended }) => ended?.clean === false);
  await book.sessions.close(
    session,
    left.map((one) => `${lineOf(one)}: ${one.ended?.detail}`),
  );
}
