import { type AgentOrder, type AgentUndo, type Handles, isAgentUndo } from '../capabilities/agent.ts';
import { ZashikiError } from '../core/errors.ts';
import type { JsonObject } from '../core/model.ts';
import type { FaultPort } from '../core/ports.ts';

/**
 * The same fault, which also works through an agent: when the handles of a target do not have all that it needs but
 * there is an agent, the agent carries it out. What comes after `plan` goes where the undo record says.
 */
export function delegating(fault: FaultPort): FaultPort {
  /** Parameters as they were written: an agent reads them by itself. */
  const written = new WeakMap<object, JsonObject>();
  const order = (params: object): AgentOrder => ({
    fault: fault.id,
    params: written.get(params) ?? (params as JsonObject),
  });
  const byAgent = (on: Handles) => (fault.needs.every((need) => Object.hasOwn(on, need)) ? undefined : on.agent);
  const agentOf = (on: Handles) => {
    if (on.agent) return on.agent;
    throw new ZashikiError('peer-unavailable', `${fault.id} was put on by an agent, and there is none for this target`);
  };
  const { claims, shares, describe, foresee } = fault;

  return {
    ...fault,
    params: {
      parse(value) {
        const parsed = fault.params.parse(value);
        if (isObject(parsed) && isObject(value)) written.set(parsed, value as JsonObject);
        return parsed;
      },
    },
    plan(on, params, context) {
      const agent = byAgent(on);
      return agent ? agent.plan(order(params), context) : fault.plan(on, params, context);
    },
    inject: async (on, params, undo, context) =>
      isAgentUndo(undo)
        ? agentOf(on).inject(order(params), undo, context)
        : fault.inject(on, params, undo as never, context),
    observe: async (on, params, undo, context) =>
      isAgentUndo(undo)
        ? agentOf(on).observe(order(params), undo, context)
        : fault.observe(on, params, undo as never, context),
    recover: async (on, undo, context) =>
      isAgentUndo(undo) ? agentOf(on).recover(fault.id, undo, context) : fault.recover(on, undo as never, context),
    verify: async (on, undo, context) =>
      isAgentUndo(undo) ? agentOf(on).verify(fault.id, undo, context) : fault.verify(on, undo as never, context),
    claims: (undo) => (isAgentUndo(undo) ? claimsOf(undo) : claims?.call(fault, undo)),
    // What it builds together with others is the agent's to keep together.
    shares: (undo) => (isAgentUndo(undo) ? undefined : shares?.call(fault, undo)),
    describe: (undo) => (isAgentUndo(undo) ? `by ${noteOf(undo)}` : describe?.call(fault, undo)),
    ...(foresee
      ? {
          async foresee(on: Handles, params: never, context: never) {
            const agent = byAgent(on);
            return agent
              ? ((await agent.foresee(order(params), context)) ?? undefined)
              : foresee.call(fault, on, params, context);
          },
        }
      : {}),
  };
}

/** Two machines may have files, processes and namespaces of the same number. */
const claimsOf = ({ agent }: AgentUndo) => agent.claims.map((claim) => `${agent.name}: ${claim}`);

const noteOf = ({ agent }: AgentUndo) => (agent.note === undefined ? agent.name : `${agent.name}: ${agent.note}`);

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;
