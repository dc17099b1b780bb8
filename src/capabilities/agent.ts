import type { Json, JsonObject, TargetRef } from '../core/model.ts';
import type { FaultContext, Sighting } from '../core/ports.ts';
import type { Capabilities, Capability } from './index.ts';

/** A fault by its id, with parameters as a document has them. */
export interface AgentOrder {
  readonly fault: string;
  readonly params: JsonObject;
}

/**
 * What is meant on the agent's machine, by one of the agent's own platforms: a target that it has pinned before, or a
 * selector that matches exactly one.
 */
export type AgentTarget = { readonly ref: TargetRef } | { readonly platform: string; readonly selector: JsonObject };

/** The undo record of a fault that an agent has on: what the fault wrote down there, and where. Plain JSON. */
export type AgentUndo = {
  readonly agent: {
    /** The agent, for people and for claims. */
    readonly name: string;
    /** The agent's run of its own, and the injection in it: its journal knows it by these. */
    readonly run: string;
    readonly injection: string;
    /** Pinned by the agent. */
    readonly target: JsonObject;
    readonly undo: Json;
    readonly claims: readonly string[];
    readonly shares?: string;
    readonly note?: string;
  };
};

/**
 * A target that is worked on by an agent on its own machine: it carries out whole faults, not single capabilities, with
 * its own journal, reaper and lease. All calls throw what the fault throws there, and `peer-unavailable` when the agent
 * does not answer.
 */
export interface AgentCapability {
  /** Capabilities that the target offers through the agent. */
  readonly offers: readonly Capability[];
  /** The fault's own plan, run there; pins the target. Throws also when another injection holds what it would change. */
  plan(order: AgentOrder, context: FaultContext): Promise<AgentUndo>;
  /** One line on how it would be done; null when the fault has nothing to say. */
  foresee(order: AgentOrder, context: Pick<FaultContext, 'addressesOf' | 'signal'>): Promise<string | null>;
  /** Resolves when it is on and written down there. From then on the lease is renewed until it is off. */
  inject(order: AgentOrder, undo: AgentUndo, context: FaultContext): Promise<void>;
  observe(order: AgentOrder, undo: AgentUndo, context: FaultContext): Promise<Sighting>;
  /** No error when it is off already, nor when the agent has lost all memory of it: the undo record is enough. */
  recover(fault: string, undo: AgentUndo, context: FaultContext): Promise<void>;
  verify(fault: string, undo: AgentUndo, context: FaultContext): Promise<Sighting>;
}

/**
 * Handles for one target: those that work from here, and `agent` for what an agent on its machine does instead. A fault
 * whose needs are not all met from here is carried out by the agent. No fault may need `agent` itself.
 */
export type Handles = Partial<Capabilities> & { readonly agent?: AgentCapability };

/** Whether an undo record is one of an agent's. */
export function isAgentUndo(undo: unknown): undo is AgentUndo {
  const agent = typeof undo === 'object' && undo !== null ? (undo as { agent?: unknown }).agent : undefined;
  const { run, injection, target } = (agent ?? {}) as Partial<Record<string, unknown>>;
  return typeof run === 'string' && typeof injection === 'string' && typeof target === 'object' && target !== null;
}
