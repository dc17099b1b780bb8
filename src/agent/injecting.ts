import { errorRecord } from '../core/errors.ts';
import type { Milliseconds } from '../core/model.ts';
import { quietNote } from '../core/run/undo.ts';
import type { RequestOf } from '../remote/wire.ts';
import { type Book, reach } from './book.ts';
import { end } from './ending.ts';
import { type Held, rememberMs } from './held.ts';
import { withAddresses } from './targets.ts';

/** The one who injected undoes it when its duration is over; this much later the agent does. */
const marginMs: Milliseconds = 2000;
/** An inject that takes longer than this hangs: the reaper takes over. */
const injectPatience: Milliseconds = 600_000;

/** Undo record on disk, then the fault. What fails is undone here and now, and thrown. */
export async function injectHere(book: Book, one: Held, body: RequestOf<'/v1/inject'>): Promise<void> {
  const { clock, shared, telemetry } = book;
  const { session, name, intent, target, params } = one;
  const { journal, safety } = session;
  const { fault, platform } = await book.partsOf(intent);
  const context = {
    ...book.fullContext(one, one.cut.signal),
    addressesOf: (id: string, selector: never) => withAddresses(body.addresses, (of) => of(id, selector)),
  };
  await session.gate(async () => {
    const on = await shared.exclusive(async () => {
      const handles = await reach(platform, target);
      book.free(intent, name);
      journal.append({ type: 'intent', ...intent }, { durable: true });
      one.phase = 'injecting';
      one.until = clock.mono() + body.lease;
      safety.arm({ ...intent, ttl: injectPatience });
      return handles;
    });
    const inject = async () => {
      const from = clock.mono();
      await fault.inject(on, params as never, intent.undo as never, context as never);
      one.cut.signal.throwIfAborted();
      journal.append({ type: 'injected', injection: name.injection, took: clock.mono() - from }, { durable: true });
    };
    try {
      // Until it is written that it is on, nobody else may build anew what is shared: it would be left out.
      await (intent.shares === undefined ? inject() : shared.exclusive(inject));
    } catch (error) {
      telemetry.injectFailed(intent.fault);
      const record = errorRecord(error);
      quietNote(journal)({ type: 'inject-failed', injection: name.injection, error: record });
      await end(book, one, 'failure', one.by, `it could not be put on: ${record.message}`).catch(() => {});
      throw error;
    }
  });
  safety.disarm(name.injection);
  one.since = clock.now();
  one.phase = intent.reversible ? 'on' : 'once';
  if (intent.ttl !== null) one.ttlUntil = clock.mono() + intent.ttl + marginMs;
  if (one.phase === 'once') one.until = clock.mono() + rememberMs;
  telemetry.injected(intent.fault);
}
