import { isError, ZashikiError } from '../core/errors.ts';
import type { Intent } from '../core/events.ts';
import type { Json, JsonObject, Milliseconds } from '../core/model.ts';
import type { Sighting } from '../core/ports.ts';
import { keepPath } from '../journal/state.ts';
import type { InjectionName } from '../remote/index.ts';
import type { RequestOf } from '../remote/wire.ts';
import { type Book, lineOf, nobody, openBook, type WorkPorts } from './book.ts';
import { closeIfOver, end, endAll, endDue, loseSession } from './ending.ts';
import { type Held, isOpen, keyOf } from './held.ts';
import { injectHere } from './injecting.ts';
import { planHere } from './planning.ts';
import { checkTarget, parsed, targetsOf, theOne, withAddresses } from './targets.ts';
import { remembered, type Undone, undoForgotten } from './undoing.ts';

/** What an agent does when it is asked; each throws what the client is to be told. `who` asks, for the journal. */
export interface Work {
  targets(body: RequestOf<'/v1/targets'>, signal: AbortSignal): Promise<JsonObject>;
  check(body: RequestOf<'/v1/check'>): Promise<JsonObject>;
  foresee(body: RequestOf<'/v1/foresee'>, signal: AbortSignal): Promise<JsonObject>;
  plan(body: RequestOf<'/v1/plan'>, who: string, signal: AbortSignal): Promise<JsonObject>;
  inject(body: RequestOf<'/v1/inject'>): Promise<void>;
  observe(body: RequestOf<'/v1/observe'>, signal: AbortSignal): Promise<Sighting>;
  recover(body: RequestOf<'/v1/recover'>, who: string): Promise<Undone>;
  verify(body: RequestOf<'/v1/verify'>, signal: AbortSignal): Promise<Sighting>;
  lease(body: RequestOf<'/v1/lease'>): readonly InjectionName[];
  held(): readonly Held[];
  /** Undo what is due, and let go of what is over. Called again and again; waits for nothing that may hang. */
  tick(): Promise<void>;
  /** Undo everything; afterwards nothing is injected any more. Returns what could not be undone, one line each. */
  stop(): Promise<readonly string[]>;
}

/** The work of one agent. Times are monotonic: setting the clock ends no lease and lengthens none. */
export function openWork(ports: WorkPorts): Work {
  const book = openBook(ports);
  const { catalogue, clock, shared, sessions, all, inTurn } = book;
  let stopping = false;

  const mayInject = () => {
    if (stopping) throw new ZashikiError('refused', 'the agent is stopping');
    const lever = shared.lever();
    if (lever) throw new ZashikiError('refused', `the stop lever is pulled: ${lever.reason} (${lever.by})`);
  };

  /** Renewing is for what somebody wants on, not for what is being taken off. */
  const renew = (one: Held, lease: Milliseconds): void => {
    if (isOpen(one) && !one.retry) one.until = Math.max(one.until, clock.mono() + lease);
  };

  return {
    targets: async (body, signal) => ({ targets: await targetsOf(body, catalogue, signal) }) as unknown as JsonObject,
    check: async ({ target }) => (await checkTarget(target, catalogue)) as JsonObject,

    async foresee({ target: meant, fault: id, params: given, addresses }, signal) {
      const fault = catalogue.fault(id);
      const params = parsed(() => fault.params.parse(given), `params of ${id}`) as never;
      const { platform, target } = await theOne(meant, fault, catalogue);
      const on = await platform.attach(target);
      const how = await withAddresses(addresses, async (addressesOf) =>
        fault.foresee?.(on, params, { addressesOf, signal }),
      );
      return { how: how ?? null };
    },

    async plan(body, who, signal) {
      mayInject();
      return planHere(book, body, who, signal);
    },

    inject: (body) =>
      inTurn(keyOf(body), async () => {
        const one = all.get(keyOf(body));
        if (!one || (!one.ended && one.session.journal.overtaken())) {
          throw new ZashikiError('refused', 'the agent knows no such plan any more', { hint: 'plan it again' });
        }
        if (one.ended) throw new ZashikiError('refused', `it is over: ${one.ended.detail}`);
        // Asked again, perhaps by a controller that takes over from one that is gone: the old lease may be about to run out.
        if (one.phase !== 'planned') return renew(one, body.lease);
        mayInject();
        await injectHere(book, one, body);
      }),

    observe: (body, signal) => observeHere(book, body, signal),

    recover: (body, who) =>
      inTurn(keyOf(body), async () => {
        const one = all.get(keyOf(body));
        if (!one) return undoForgotten(intentFrom(book, body), body, who, book);
        return one.phase === 'once'
          ? { clean: true, detail: 'nothing of it stays' }
          : end(book, one, 'controller', who);
      }),

    async verify(body, signal) {
      const { fault, platform } = await book.partsOf(body);
      const context = {
        ...book.contextOf(body, body.ttl, () => body.shares, signal),
        keep: keepPath(ports.state, body.run, body.injection),
        addressesOf: nobody,
      };
      try {
        return await fault.verify(await platform.attach(body.target), body.undo as never, context);
      } catch (error) {
        if (isError(error, 'target-gone')) return { yes: true, detail: 'the target is gone' };
        throw error;
      }
    },

    lease: ({ injections, lease }) =>
      injections.flatMap((name) => {
        const one = all.get(keyOf(name));
        const named = { run: name.run, injection: name.injection };
        if (!one || !isOpen(one) || one.session.journal.overtaken()) {
          return remembered(ports.state, name) === 'on' ? [named] : [];
        }
        renew(one, lease);
        return [named];
      }),

    held: () => [...all.values()],

    async tick() {
      if (shared.lever()) await endAll(book, 'stop', 'the stop lever is pulled');
      for (const session of sessions.all()) if (session.journal.overtaken()) loseSession(book, session);
      for (const one of all.values()) endDue(book, one);
      for (const session of sessions.all()) if (sessions.idle(session)) await closeIfOver(book, session);
    },

    async stop() {
      stopping = true;
      await endAll(book, 'stop', 'the agent was stopped');
      const left = [...all.values()].filter(isOpen);
      for (const session of sessions.all()) {
        // What is left is the reaper's.
        if (left.some((one) => one.session === session)) sessions.lose(session);
        else await closeIfOver(book, session);
      }
      return left.map(lineOf);
    },
  };
}

async function observeHere(book: Book, body: RequestOf<'/v1/observe'>, signal: AbortSignal): Promise<Sighting> {
  const one = book.all.get(keyOf(body));
  if (!one) {
    const detail = 'the agent has no memory of it: whatever was on was recovered when it started';
    return { yes: false, ended: true, detail };
  }
  if (one.ended) return { yes: false, ended: true, detail: one.ended.detail };
  if (one.phase === 'planned' || one.phase === 'injecting') return { yes: false, detail: 'it is not on yet' };
  const { fault, platform } = await book.partsOf(one.intent);
  const context = book.fullContext(one, AbortSignal.any([signal, one.cut.signal]));
  const on = await platform.attach(one.target);
  const look = async () => fault.observe(on, one.params as never, one.intent.undo as never, context);
  const seen = await look().catch((error: unknown) => {
    if (one.ended) return undefined;
    throw error;
  });
  // It may have been taken off while we looked.
  const ended = endedOf(one);
  return ended || !seen ? { yes: false, ended: true, detail: ended?.detail ?? 'it was taken off meanwhile' } : seen;
}

const endedOf = (one: Held): Held['ended'] => one.ended;

/** What the client still knows of an injection, as a journal would have it. */
function intentFrom({ catalogue }: Book, body: RequestOf<'/v1/recover'>): Intent {
  const { injection, target, fault, undo, claims, shares, ttl } = body;
  const { reversible } = catalogue.fault(fault);
  const more = shares === undefined ? {} : { shares };
  return {
    injection,
    step: injection,
    fault,
    target,
    params: {},
    undo: undo as Json,
    reversible,
    claims,
    ...more,
    ttl,
  };
}
