import type { Milliseconds } from '../core/model.ts';
import { drawSeed, seededRng } from '../core/rng.ts';
import { hasReserve } from '../journal/journal.ts';
import { newRunId } from '../journal/state.ts';
import { openSession, type Session, type SessionOptions } from './session.ts';

/** A journal is read whole by everybody who injects: a new one is begun before it gets long. */
const mostInjections = 200;
/** A session waits so long for the next injection. */
const lingerMs: Milliseconds = 5000;

/** The sessions of an agent: one that takes injections, and those before it that still have some on. */
export interface Sessions {
  /**
   * Work on one more injection, in a session that is open for it; one is begun if need be: none goes on whose disk was
   * full once.
   */
  use<T>(work: (session: Session) => Promise<T>): Promise<T>;
  all(): readonly Session[];
  /** Nobody has used it for a while. */
  idle(session: Session): boolean;
  /** Close it, when it is over. */
  close(session: Session, left: readonly string[]): Promise<void>;
  /** Another process took it over. */
  lose(session: Session): void;
}

interface Open {
  readonly run: string;
  readonly session: Promise<Session>;
  injections: number;
  users: number;
  usedAt: Milliseconds;
}

/** No session is begun before it is needed. */
export function openSessions(options: Omit<SessionOptions, 'run'>): Sessions {
  const { clock } = options;
  const open = new Map<Session, Open>();
  let newest: Open | undefined;

  const forget = (session: Session) => {
    if (open.get(session) === newest) newest = undefined;
    open.delete(session);
  };
  const begin = (): Open => {
    const run = newRunId(clock, seededRng(drawSeed()));
    const begun: Open = {
      run,
      session: openSession({ ...options, run }),
      injections: 0,
      users: 0,
      usedAt: clock.mono(),
    };
    begun.session.then(
      (session) => open.set(session, begun),
      () => {
        if (newest === begun) newest = undefined;
      },
    );
    return begun;
  };
  return {
    async use(work) {
      if (!newest || newest.injections >= mostInjections || !hasReserve(options.state, newest.run)) newest = begin();
      const mine = newest;
      mine.injections++;
      mine.users++;
      try {
        return await work(await mine.session);
      } finally {
        mine.users--;
        mine.usedAt = clock.mono();
      }
    },
    all: () => [...open.keys()],
    idle(session) {
      const one = open.get(session);
      return one !== undefined && one.users === 0 && clock.mono() - one.usedAt > lingerMs;
    },
    async close(session, left) {
      forget(session);
      await session.close(left);
    },
    lose(session) {
      forget(session);
      session.leave();
    },
  };
}
