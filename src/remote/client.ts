import { setTimeout as sleep } from 'node:timers/promises';
import type { AgentCapability, AgentTarget, AgentUndo } from '../capabilities/agent.ts';
import type { Capability } from '../capabilities/index.ts';
import { canonicalJson } from '../core/canonical.ts';
import { ZashikiError } from '../core/errors.ts';
import type { Json, JsonObject, Milliseconds } from '../core/model.ts';
import type { FaultContext, Sighting } from '../core/ports.ts';
import { type AgentApi, agentApi, call, plainRef } from './api.ts';
import type { Transport } from './transport.ts';
import type { FoundAddresses, InjectionName, Wants } from './wire.ts';

export interface AgentCapabilityOptions {
  /** The agent, for people and for claims: one name for one machine. */
  readonly name: string;
  readonly target: AgentTarget;
  readonly offers: readonly Capability[];
  /** How long a fault stays on when nothing is heard of us any more. Default 30 s. */
  readonly leaseMs?: Milliseconds;
}

/** More selectors of peers than this one fault will not name. */
const mostWants = 32;

/** Faults on a target, carried out by the agent on its machine. */
export function agentCapability(transport: Transport, options: AgentCapabilityOptions): AgentCapability {
  const { name, target, offers, leaseMs = 30_000 } = options;
  const meant = 'ref' in target ? { ref: plainRef(target.ref) } : { ...target };

  /** Ask, and find out the addresses that the agent asks for meanwhile. */
  async function asking(
    path: string,
    body: JsonObject,
    context: Pick<FaultContext, 'addressesOf' | 'signal'>,
  ): Promise<JsonObject> {
    const addresses: FoundAddresses[] = [];
    for (;;) {
      const answer = (await call(transport, name, path, { ...body, addresses } as JsonObject, {
        signal: context.signal,
      })) as JsonObject;
      const { wants } = answer as Partial<Wants>;
      if (!wants) return answer;
      const { platform, selector } = wants;
      const asked = addresses.some((one) => canonicalJson([one.platform, one.selector]) === key(wants));
      if (asked || addresses.length >= mostWants) {
        throw new ZashikiError('peer-unavailable', `the agent ${name} asks for the same addresses again and again`);
      }
      addresses.push({ platform, selector, addresses: [...(await context.addressesOf(platform, selector))] });
    }
  }

  const off = (path: string, fault: string, undo: AgentUndo, context: FaultContext) =>
    call(transport, name, path, { ...injectionOf(undo), fault, ttl: context.ttl } as JsonObject, {
      signal: context.signal,
      own: 'recover-failed',
      // Whoever recovers tries again by itself, and while it waits for us it looks as if it hung.
      tries: 2,
    });

  return {
    offers,
    async plan({ fault, params }, context) {
      const { tag, ttl } = context;
      const planned = await asking('/v1/plan', { target: meant, fault, params, tag, ttl } as JsonObject, context);
      return { agent: { name, ...planned } } as AgentUndo;
    },
    async foresee({ fault, params }, context) {
      const { how } = await asking('/v1/foresee', { target: meant, fault, params } as JsonObject, context);
      return typeof how === 'string' ? how : null;
    },
    async inject({ fault, params }, undo, context) {
      const { run, injection } = undo.agent;
      // From now on, because injecting may take longer than the lease.
      keepAlive(transport, name, { run, injection }, leaseMs, context.wanted);
      const body = { ...injectionOf(undo), fault, params, ttl: context.ttl, lease: leaseMs };
      await asking('/v1/inject', body as JsonObject, context);
    },
    async observe({ fault, params }, undo, context) {
      const body = { ...injectionOf(undo), fault, params, ttl: context.ttl };
      return (await asking('/v1/observe', body as JsonObject, context)) as unknown as Sighting;
    },
    async recover(fault, undo, context) {
      await off('/v1/recover', fault, undo, context);
    },
    async verify(fault, undo, context) {
      return (await off('/v1/verify', fault, undo, context)) as unknown as Sighting;
    },
  };
}

const key = ({ platform, selector }: Wants['wants']) => canonicalJson([platform, selector]);

/** What the agent must know of an injection, though it may have lost all memory of it. */
function injectionOf({ agent }: AgentUndo): { readonly [key: string]: Json } {
  const { run, injection, target, undo, claims, shares, note } = agent;
  const more = { ...(shares === undefined ? {} : { shares }), ...(note === undefined ? {} : { note }) };
  return { run, injection, target, undo, claims, ...more };
}

/** So often in a row nobody may answer; then the lease is long over, and renewing it would be of no use. */
const mostMisses = 20;

/** Injections that are renewed together, so that an agent is asked once for all of them. */
interface Kept {
  readonly names: Map<string, InjectionName & { readonly wanted?: (() => boolean) | undefined }>;
  misses: number;
}

const keepers = new WeakMap<Transport, Map<Milliseconds, Kept>>();

/** Renew its lease, and those of all others at this agent, until the agent says that it is off or it is not wanted. */
function keepAlive(
  transport: Transport,
  agent: string,
  name: InjectionName,
  leaseMs: Milliseconds,
  wanted: FaultContext['wanted'],
): void {
  const ofAgent = keepers.get(transport) ?? new Map<Milliseconds, Kept>();
  keepers.set(transport, ofAgent);
  const kept = ofAgent.get(leaseMs) ?? { names: new Map(), misses: 0 };
  kept.names.set(keyOf(name), { ...name, wanted });
  kept.misses = 0;
  if (ofAgent.has(leaseMs)) return;
  ofAgent.set(leaseMs, kept);
  void renewing(agentApi(transport, agent), kept, leaseMs, () => ofAgent.delete(leaseMs));
}

/**
 * Ask at a fixed rhythm, also while an answer is awaited: one call that hangs must not cost the leases of all. Does not
 * keep the process alive: a controller that has ended holds no fault.
 */
async function renewing(api: AgentApi, kept: Kept, leaseMs: Milliseconds, over: () => void): Promise<void> {
  const renew = async () => {
    const asked = [...kept.names.values()];
    try {
      const on = new Set((await api.lease(asked, leaseMs, AbortSignal.timeout((leaseMs * 2) / 3))).map(keyOf));
      for (const name of asked) if (!on.has(keyOf(name))) kept.names.delete(keyOf(name));
      kept.misses = 0;
    } catch {
      kept.misses++;
      if (kept.misses >= mostMisses) kept.names.clear();
    }
  };
  while (kept.names.size > 0) {
    await sleep(leaseMs / 3, undefined, { ref: false });
    for (const [key, { wanted }] of kept.names) if (wanted?.() === false) kept.names.delete(key);
    if (kept.names.size > 0) void renew();
  }
  // At once: whoever comes next must not join what has ended.
  over();
}

const keyOf = ({ run, injection }: InjectionName): string => `${run}/${injection}`;
