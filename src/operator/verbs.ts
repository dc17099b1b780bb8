import { isAgentUndo } from '../capabilities/agent.ts';
import { addressesIn } from '../core/addresses.ts';
import { canonicalJson } from '../core/canonical.ts';
import { errorRecord, isError, ZashikiError } from '../core/errors.ts';
import type { JsonObject, Milliseconds } from '../core/model.ts';
import type { Catalogue, Clock, FaultContext } from '../core/ports.ts';
import { isNodeGone } from '../platforms/kubernetes/refusal.ts';
import type { Board } from './board.ts';
import { type Budget, budgetFor } from './budget.ts';
import type { Injection, Result } from './record.ts';

/** What the verbs of a fault need of their surroundings. */
export interface VerbPorts {
  readonly catalogue: Catalogue;
  readonly clock: Clock;
  readonly board: Board;
  /** This installation, for marks that others can see. */
  readonly owner: string;
  /** A folder for copies of an injection. */
  readonly keep: (tag: string) => string;
  /** Are we still the leader? Asked right before anything is changed. */
  readonly leads: () => boolean;
  /** Whether an injection of a resource is to be held on still. */
  readonly wanted: (resource: string, injection: Injection) => boolean;
  readonly budget?: Budget | undefined;
  readonly signal: AbortSignal;
}

/** One injection, and what is known about it besides its record. */
export interface Job {
  /** Uid of the resource. */
  readonly resource: string;
  readonly key: string;
  readonly injection: Injection;
  /** Absent when its step is not in the document any more: then it is only taken off. */
  readonly params?: JsonObject | undefined;
  readonly ttl: Milliseconds | null;
}

/** A verb that hangs must not keep others from their turn. Faults poll by themselves for as long as a pod may need. */
const patience: Milliseconds = 60_000;
const lookPatience: Milliseconds = 180_000;
const never = new AbortController().signal;

/** Carry out one verb. Never throws, but when we lead no more. */
export async function perform(
  verb: 'plan' | 'inject' | 'observe' | 'recover' | 'verify',
  job: Job,
  ports: VerbPorts,
  interrupted: AbortSignal = never,
): Promise<Result> {
  const isLook = verb === 'observe' || verb === 'verify';
  const most = isLook ? lookPatience : patience;
  const limit = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const error = new ZashikiError('peer-unavailable', `${verb} did not end within ${most / 1000} s`);
      limit.abort(error);
      reject(error);
    }, most);
  });
  // Only a look may be cut short: what changes something is carried through.
  const signal = AbortSignal.any([ports.signal, limit.signal, ...(verb === 'observe' ? [interrupted] : [])]);
  try {
    return await Promise.race([verbs[verb](job, ports, signal), late]);
  } catch (error) {
    if (ports.signal.aborted) throw error;
    if (verb === 'observe' && interrupted.aborted) return { did: 'cut-short' };
    const { message, hint } = errorRecord(error);
    // Nothing says that the machine has ended, too.
    if (verb !== 'plan' && isNodeGone(error)) return { did: 'gave-up', reason: message };
    if (isError(error, 'target-gone')) return { did: 'gone' };
    return { did: 'failed', error: hint ? `${message}; ${hint}` : message };
  } finally {
    clearTimeout(timer);
  }
}

const verbs = { plan, inject, observe, recover, verify } as const;

function contextOf({ resource, injection, ttl }: Job, ports: VerbPorts, signal: AbortSignal): FaultContext {
  const { board, clock, owner, catalogue } = ports;
  const { tag, shares } = injection;
  return {
    tag,
    ttl,
    keep: ports.keep(tag),
    clock,
    signal,
    owner: injection.owner ?? owner,
    siblings: () => (shares === undefined ? [] : board.siblings(shares, tag)),
    addressesOf: addressesIn(catalogue),
    wanted: () => ports.wanted(resource, injection),
  };
}

/** Platform, fault and handles of one injection. */
async function reach({ injection }: Job, { catalogue }: VerbPorts) {
  const fault = catalogue.fault(injection.fault);
  const platform = await catalogue.platform(injection.target.platform);
  return { fault, platform, attach: () => platform.attach(injection.target) };
}

const paramsOf = (fault: { params: { parse(value: unknown): unknown } }, job: Job) =>
  fault.params.parse(job.params ?? {}) as never;

async function plan(job: Job, ports: VerbPorts, signal: AbortSignal): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    const result = await planOnce(job, ports, signal);
    // What was read may be what another one has made of it: read it anew.
    if (result !== 'changed') return result;
    if (attempt === 5) return { did: 'failed', error: 'the target is being changed by others' };
  }
}

async function planOnce(job: Job, ports: VerbPorts, signal: AbortSignal): Promise<Result | 'changed'> {
  const { board } = ports;
  const { injection } = job;
  const { target, tag } = injection;
  const { fault, platform, attach } = await reach(job, ports);
  const before = board.version(target.id);
  if ((await platform.check(target)) === 'gone') return { did: 'gone' };
  const spared = await platform.spare(target);
  if (spared) return { did: 'failed', error: `spared: ${spared}` };
  const look = (selector: JsonObject) => platform.discover(platform.selector.parse(selector) as never, signal);
  const tooMany = await budgetFor(ports.budget, target, look);
  const on = await attach();
  const undo = await fault.plan(on, paramsOf(fault, job), contextOf(job, ports, signal));
  const claims = fault.claims?.(undo as never) ?? [`${fault.id} on ${platform.id} ${canonicalJson(target.identity)}`];
  const shares = fault.shares?.(undo as never);
  // From here to the end nothing waits, so that nobody comes between looking and taking.
  if (!isAgentUndo(undo) && board.version(target.id) !== before) return 'changed';
  const holder = fault.reversible ? board.holder(claims, tag) : undefined;
  if (holder) return { did: 'failed', error: `${holder.fault} of ${holder.tag} is still on there` };
  const usedUp = tooMany(board.hit());
  if (usedUp !== undefined) return { did: 'failed', error: usedUp };
  const planned = {
    did: 'planned',
    undo,
    claims,
    ttl: job.ttl,
    tag,
    ...(shares === undefined ? {} : { shares }),
  } as const;
  board.move(job.resource, job.key, { ...injection, phase: 'intent', claims });
  return planned;
}

async function inject(job: Job, ports: VerbPorts, signal: AbortSignal): Promise<Result> {
  const { injection } = job;
  const { fault, attach } = await reach(job, ports);
  const on = await attach();
  await ports.board.alone(injection.shares, async () => {
    mustLead(ports);
    await fault.inject(on, paramsOf(fault, job), injection.undo as never, contextOf(job, ports, signal));
    ports.board.move(job.resource, job.key, { ...injection, phase: 'on' });
  });
  return { did: 'injected' };
}

async function observe(job: Job, ports: VerbPorts, signal: AbortSignal): Promise<Result> {
  const { injection } = job;
  const { fault, platform, attach } = await reach(job, ports);
  if (isAgentUndo(injection.undo) && (await platform.check(injection.target)) === 'gone') return { did: 'lost' };
  try {
    const on = await attach();
    const seen = await fault.observe(on, paramsOf(fault, job), injection.undo as never, contextOf(job, ports, signal));
    return { did: 'observed', ...seen };
  } catch (error) {
    // A target that was to end has ended.
    if (!fault.reversible && isError(error, 'target-gone')) return { did: 'observed', yes: true, detail: 'it is gone' };
    throw error;
  }
}

async function recover(job: Job, ports: VerbPorts, signal: AbortSignal): Promise<Result> {
  const { injection } = job;
  const { fault, attach } = await reach(job, ports);
  const on = await attach();
  await ports.board.alone(injection.shares, async () => {
    mustLead(ports);
    await fault.recover(on, injection.undo as never, contextOf(job, ports, signal));
    ports.board.move(job.resource, job.key, { ...injection, phase: 'undone' });
  });
  return { did: 'recovered' };
}

async function verify(job: Job, ports: VerbPorts, signal: AbortSignal): Promise<Result> {
  const { fault, attach } = await reach(job, ports);
  const on = await attach();
  const seen = await fault.verify(on, job.injection.undo as never, contextOf(job, ports, signal));
  return { did: 'verified', ...seen };
}

function mustLead(ports: VerbPorts): void {
  if (!ports.leads()) throw new ZashikiError('lock-busy', 'another replica leads by now');
}
