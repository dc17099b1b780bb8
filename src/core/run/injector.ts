import { addressesIn } from '../addresses.ts';
import { canonicalJson } from '../canonical.ts';
import { errorRecord, isError, ZashikiError } from '../errors.ts';
import type { Author, Intent } from '../events.ts';
import type { FaultStep, Milliseconds, TargetRef } from '../model.ts';
import type { Catalogue, Clock, FaultContext, FaultPort, Journal, SafetyNet, SharedState } from '../ports.ts';
import { quietNote, undoInjection } from './undo.ts';

/** Carries out injections, or only says what it would do. Dry run is another object, not an `if`. */
export interface Executor {
  /**
   * Null: nothing was injected (target gone, spared, or leashed); the journal says why. `began` is told before
   * anything is changed, so that whatever happens then is recovered.
   */
  inject(
    path: string,
    step: FaultStep,
    victim: TargetRef,
    signal: AbortSignal,
    began: Began,
  ): Promise<Injection | null>;
}

export type Began = (injection: Injection) => void;

/** One live application of a fault to one target. */
export interface Injection {
  readonly intent: Intent;
  /** Its time counts from now: the reaper undoes it when it outlives that. */
  hold(): void;
  /** Look whether the effect is real, and journal what was seen. */
  observe(signal: AbortSignal): Promise<boolean>;
  /** Look again, shortly before its time is over; only what is amiss is journaled. */
  observeEnd(signal: AbortSignal): Promise<void>;
  /** Undo and verify; true when nothing is left behind. Safe to call again. */
  recover(): Promise<boolean>;
}

export interface InjectorPorts {
  readonly run: string;
  readonly author: Author;
  readonly catalogue: Catalogue;
  readonly clock: Clock;
  readonly journal: Journal;
  readonly safety: SafetyNet;
  readonly shared: SharedState;
  /** Held while something is changed on a target. */
  readonly gate: <T>(work: () => Promise<T>) => Promise<T>;
}

/** An inject that takes longer than this hangs: the reaper takes over. */
const injectPatience: Milliseconds = 600_000;

/** The journal was appended to by another process: it is in charge of the run now. */
export const overtaken = () =>
  new ZashikiError('lock-busy', 'another Zashiki process took over the clean-up of this run', {
    hint: 'the reaper found the run late, or somebody ran `zashiki stop` or `zashiki recover`',
  });

/** Says what would be hit; touches nothing. */
export function leashedExecutor(journal: Journal): Executor {
  return {
    async inject(path, step, target) {
      journal.append({ type: 'would-inject', step: path, fault: step.fault, target });
      return null;
    },
  };
}

/** One injection on its way: everything that its parts share. */
interface Work extends InjectorPorts {
  readonly fault: FaultPort;
  readonly on: object;
  readonly params: never;
  readonly intent: Intent;
  readonly context: FaultContext;
}

/** Really injects: undo record on disk, reaper armed, then the fault. */
export function realExecutor(ports: InjectorPorts): Executor {
  let last = 0;
  return {
    async inject(path, step, victim, signal, began) {
      const injection = `i${++last}`;
      return ports.gate(async () => {
        if (ports.journal.overtaken()) throw overtaken();
        signal.throwIfAborted();
        const work = await intend(ports, injection, path, step, victim, signal);
        if (typeof work !== 'string') return begin(work, began);
        ports.journal.append({ type: 'step-skipped', step: path, reason: work });
        return null;
      });
    },
  };
}

/** Read what must be restored and write it down; a sentence when the victim is left alone. */
async function intend(
  ports: InjectorPorts,
  injection: string,
  path: string,
  step: FaultStep,
  target: TargetRef,
  signal: AbortSignal,
): Promise<Work | string> {
  const { run, catalogue, clock, journal, shared, safety } = ports;
  const name = `${target.name} (${target.id})`;
  const fault = catalogue.fault(step.fault);
  const platform = await catalogue.platform(target.platform);
  const params = fault.params.parse(step.params) as never;
  const ttl = step.duration ?? null;
  let shares: string | undefined;
  const context: FaultContext = {
    tag: `${run}.${injection}`,
    ttl,
    keep: shared.keepFolder(run, injection),
    clock,
    signal,
    owner: shared.owner,
    siblings: () => (shares === undefined ? [] : shared.siblings(shares, { run, injection })),
    addressesOf: addressesIn(catalogue),
  };
  // All runs in turn: what one is about to change must not be taken for the original by the next.
  return shared.exclusive(async () => {
    let written = false;
    try {
      if ((await platform.check(target)) === 'gone') return `${name} is gone`;
      const spared = await platform.spare(target);
      if (spared) return `${name} is spared: ${spared}`;
      const on = await platform.attach(target);
      const undo = await fault.plan(on, params, context);
      const claims = fault.claims?.(undo as never) ?? [
        `${fault.id} on ${platform.id} ${canonicalJson(target.identity)}`,
      ];
      shares = fault.shares?.(undo as never);
      const note = fault.describe?.(undo as never);
      const { id, reversible } = fault;
      const holder = reversible ? holderOf(claims, shared) : undefined;
      if (holder) return `${name}: ${holder.fault} of run ${holder.run} is still on there; wait until it is recovered`;
      const intent: Intent = {
        injection,
        step: path,
        fault: id,
        target,
        params: step.params,
        undo,
        reversible,
        claims,
        ...(shares === undefined ? {} : { shares }),
        ...(note === undefined ? {} : { note }),
        ttl,
      };
      journal.append({ type: 'intent', ...intent }, { durable: true });
      written = true;
      safety.arm({ ...intent, ttl: injectPatience });
      return { ...ports, fault, on, params, intent, context };
    } catch (error) {
      if (written || isError(error, 'state-unwritable', 'refused', 'lock-busy', 'reaper-failed')) throw error;
      if (isError(error, 'target-gone')) return `${name} is gone`;
      const { message, hint } = errorRecord(error);
      return `${name}: ${message}${hint ? `; ${hint}` : ''}`;
    } finally {
      // What plan has copied may be secret, and is of no use without an intent.
      if (!written) shared.dropKept(run, injection);
    }
  });
}

const holderOf = (claims: readonly string[], shared: SharedState) =>
  shared.outstanding().find((other) => other.claims?.some((claim) => claims.includes(claim)));

async function begin(work: Work, began: Began): Promise<Injection | null> {
  const { fault, on, params, intent, context, journal, clock, shared } = work;
  const { injection } = intent;
  const live = liveInjection(work);
  began(live);
  const inject = async () => {
    const from = clock.mono();
    try {
      await fault.inject(on, params, intent.undo as never, context);
    } catch (error) {
      quietNote(journal)({ type: 'inject-failed', injection, error: errorRecord(error) });
      return false;
    }
    journal.append({ type: 'injected', injection, took: clock.mono() - from }, { durable: true });
    return true;
  };
  // Until it is written that it is on, nobody else may build anew what is shared: it would be left out.
  if (await (intent.shares === undefined ? inject() : shared.exclusive(inject))) return live;
  await live.recover();
  return null;
}

function liveInjection(work: Work): Injection {
  const { fault, on, params, intent, context, journal, safety, gate, catalogue } = work;
  const { injection } = intent;
  const undo = intent.undo as never;
  let done = false;
  const look = async (signal: AbortSignal) => fault.observe(on, params, undo, { ...context, signal });
  return {
    intent,
    hold() {
      if (intent.ttl === null) safety.disarm(injection);
      else safety.arm(intent);
    },
    async observe(signal) {
      const seen = await look(signal).catch((error: unknown) => ({ yes: false, detail: errorRecord(error).message }));
      // A look that was cut short, or that raced with recover, says nothing.
      if (signal.aborted || done) return false;
      journal.append({ type: 'observed', injection, real: seen.yes, detail: seen.detail });
      return seen.yes;
    },
    async observeEnd(signal) {
      if (!intent.reversible) return;
      // Chance may hide an effect once. Who cannot be asked, or is gone, says nothing about it.
      for (let tries = 1; ; tries++) {
        const seen = await look(signal).catch(() => undefined);
        if (signal.aborted || done || !seen || seen.yes) return;
        const detail = `it was off before its time: ${seen.detail}`;
        if (seen.ended) return void journal.append({ type: 'observed', injection, real: false, detail, early: true });
        if (tries < 2) continue;
        // The system may have helped itself, by somebody new in the place of the target or without.
        const platform = await catalogue.platform(intent.target.platform);
        const state = await platform.check(intent.target).catch(() => 'gone');
        if (state === 'gone' || signal.aborted || done) return;
        return void journal.append({ type: 'warning', message: `${injection}: ${intent.fault}: ${detail}` });
      }
    },
    async recover() {
      const undoing = async () => {
        if (done) return true;
        if (journal.overtaken()) throw overtaken();
        done = await undoOne(work);
        return done;
      };
      // Without a state folder there is no lock, for nobody; the way back is in our memory, perhaps only there.
      return gate(undoing).catch((error: unknown) => {
        if (!isError(error, 'state-unwritable')) throw error;
        return undoing();
      });
    },
  };
}

const recoverTries = 4;

/** Undo with a signal of its own: clean-up is never cut short. */
async function undoOne({ run, author, clock, shared, safety, catalogue, journal, intent }: Work): Promise<boolean> {
  const copies = {
    path: (injection: string) => shared.keepFolder(run, injection),
    drop: (injection: string) => shared.dropKept(run, injection),
  };
  const options = { run, author, clock, copies, sharing: shared, signal: new AbortController().signal };
  let clean = !intent.reversible;
  for (let attempt = 1; !clean && attempt <= recoverTries; attempt++) {
    if (attempt > 1) await clock.sleep(100 * 2 ** attempt);
    const outcome = await undoInjection(intent, catalogue, options, quietNote(journal));
    clean = outcome === 'clean';
    if (outcome === 'unclean') break;
  }
  // What is left then is tried again at the end of the run, and by the reaper after it.
  safety.disarm(intent.injection);
  return clean;
}
