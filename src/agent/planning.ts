import { canonicalJson } from '../core/canonical.ts';
import type { Intent } from '../core/events.ts';
import type { Json, JsonObject, Milliseconds, TargetRef } from '../core/model.ts';
import type { FaultPort } from '../core/ports.ts';
import type { RequestOf } from '../remote/wire.ts';
import { type Book, reach } from './book.ts';
import { type Held, keyOf } from './held.ts';
import { parsed, theOne, withAddresses } from './targets.ts';

/** A plan that nobody carries out is forgotten, with the copies made for it. */
const planMs: Milliseconds = 60_000;

/** The fault's own plan on this machine; what it would change is held by nobody else then. Nothing is changed. */
export async function planHere(
  book: Book,
  body: RequestOf<'/v1/plan'>,
  by: string,
  signal: AbortSignal,
): Promise<JsonObject> {
  const { catalogue, shared, sessions, all } = book;
  const fault = catalogue.fault(body.fault);
  const params = parsed(() => fault.params.parse(body.params), `params of ${body.fault}`) as object;
  const { platform, target } = await theOne(body.target, fault, catalogue);
  return sessions.use(async (session) => {
    const injection = freeName(book, session.run, body.tag);
    const name = { run: session.run, injection };
    const keep = shared.keepFolder(name.run, injection);
    let kept = false;
    try {
      return await shared.exclusive(async () => {
        const on = await reach(platform, target);
        let shares: string | undefined;
        const context = { ...book.contextOf(name, body.ttl, () => shares, signal), keep };
        const undo = await withAddresses(body.addresses, (addressesOf) =>
          fault.plan(on, params as never, { ...context, addressesOf }),
        );
        shares = fault.shares?.(undo as never);
        const intent = intentOf(fault, target, body, injection, undo, shares);
        book.free(intent, name);
        all.set(keyOf(name), planned(book, { name, session, intent, target, params, by }));
        kept = true;
        const { claims = [], note } = intent;
        const more = { ...(shares === undefined ? {} : { shares }), ...(note === undefined ? {} : { note }) };
        return { ...name, target: target as unknown as JsonObject, undo, claims: [...claims], ...more };
      });
    } finally {
      if (!kept) shared.dropKept(name.run, injection);
    }
  });
}

/** The journal's record of what is about to be done. */
function intentOf(
  fault: FaultPort,
  target: TargetRef,
  { params, ttl, tag }: RequestOf<'/v1/plan'>,
  injection: string,
  undo: Json,
  shares: string | undefined,
): Intent {
  const note = fault.describe?.(undo as never);
  const claims = fault.claims?.(undo as never) ?? [
    `${fault.id} on ${target.platform} ${canonicalJson(target.identity)}`,
  ];
  const more = { ...(shares === undefined ? {} : { shares }), ...(note === undefined ? {} : { note }) };
  const { id, reversible } = fault;
  return { injection, step: tag, fault: id, target, params, undo, reversible, claims, ...more, ttl };
}

function planned(book: Book, one: Pick<Held, 'name' | 'session' | 'intent' | 'target' | 'params' | 'by'>): Held {
  const { clock } = book;
  const until = clock.mono() + planMs;
  const cut = new AbortController();
  return { ...one, phase: 'planned', since: clock.now(), until, ttlUntil: Number.POSITIVE_INFINITY, cut };
}

/** The client's own tag, so that both journals speak of it by one name; numbered when it was used up here. */
function freeName({ all }: Book, run: string, tag: string): string {
  for (let count = 1; ; count++) {
    const injection = count === 1 ? tag : `${tag}-${count}`;
    const known = all.get(keyOf({ run, injection }));
    if (!known || known.phase === 'planned') return injection;
  }
}
