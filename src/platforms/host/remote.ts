import { isAbsolute, resolve } from 'node:path';
import { z } from 'zod';
import type { Handles } from '../../capabilities/agent.ts';
import type { Capability } from '../../capabilities/index.ts';
import { parseDuration } from '../../core/duration.ts';
import { ZashikiError } from '../../core/errors.ts';
import type { JsonObject, Target, TargetRef } from '../../core/model.ts';
import { type AgentEndpoint, agentApi, agentCapability, openTransport, parsed } from '../../remote/index.ts';
import { leaseBounds } from '../../remote/wire.ts';

/** Where an agent is: its address, or that with how to show who we are. */
export type AgentAddress = string | AgentEndpoint;

const Url = z
  .string()
  .refine((text) => text.startsWith('unix:/') || /^https?:\/\/[^/]+\/?$/.test(text), 'write https://NAME:7475');

const Lease = z.string().refine((text) => {
  const ms = parseDuration(text);
  return ms !== undefined && ms >= leaseBounds.least && ms <= leaseBounds.most;
}, 'write a duration from 1s to 10m');

/** The `agent` key of a selector. Output is the same JSON as the input. */
export const AgentAddressSchema: z.ZodType<AgentAddress, AgentAddress> = z.union(
  [
    Url,
    z.strictObject({
      url: Url,
      tls: z.string().min(1).optional().describe('Folder with ca.crt, client.crt and client.key.'),
      tokenFile: z.string().min(1).optional().describe('File with a token, instead of a client certificate.'),
      serverName: z.string().min(1).optional().describe('The name in the agent’s certificate, when it is another one.'),
      lease: Lease.optional().describe('How long a fault stays on when the agent hears nothing of us. Default 30s.'),
    }),
  ],
  { error: 'write the address of an agent, like https://node1:7475, or { url, tls, tokenFile, serverName, lease }' },
) as unknown as z.ZodType<AgentAddress, AgentAddress>;

/**
 * An endpoint that means the same in every folder and process: what the address leaves out comes from the environment
 * (`ZASHIKI_AGENT_TLS`, `ZASHIKI_AGENT_TOKEN_FILE`).
 */
export function endpointOf(address: AgentAddress, env: NodeJS.ProcessEnv = process.env): AgentEndpoint {
  const given: AgentEndpoint = typeof address === 'string' ? { url: address } : address;
  const url = given.url.replace(/\/$/, '');
  const lease = given.lease === undefined ? {} : { lease: given.lease };
  if (url.startsWith('unix:')) return { url, ...lease };
  parsed(url);
  const tls = given.tls ?? (url.startsWith('https:') ? env.ZASHIKI_AGENT_TLS : undefined);
  const tokenFile = given.tokenFile ?? (given.tls === undefined ? env.ZASHIKI_AGENT_TOKEN_FILE : undefined);
  return {
    url,
    ...(tls ? { tls: absolute(tls) } : {}),
    ...(tokenFile ? { tokenFile: absolute(tokenFile) } : {}),
    ...(given.serverName === undefined ? {} : { serverName: given.serverName }),
    ...lease,
  };
}

const absolute = (path: string) => (isAbsolute(path) ? path : resolve(path));

/** The agent that a target is reached by; undefined for one of this machine. Throws `plan-invalid`. */
export function remoteOf(target: TargetRef): { readonly endpoint: AgentEndpoint; readonly ref: TargetRef } | undefined {
  const { agent, there, ...identity } = target.identity;
  if (agent === undefined) return undefined;
  const endpoint = agent as AgentEndpoint;
  if (typeof endpoint?.url !== 'string' || typeof there !== 'string') {
    throw new ZashikiError('plan-invalid', `target ${target.id} has no agent to be reached by`);
  }
  return { endpoint, ref: { platform: target.platform, id: there, name: target.name, identity } };
}

/** All targets of the agents' machines that match, ordered by agent and then as each orders them. */
export async function discoverRemote(
  addresses: readonly AgentAddress[],
  selector: JsonObject,
  signal?: AbortSignal,
): Promise<readonly Target[]> {
  const each = addresses.map(async (address) => {
    const endpoint = endpointOf(address);
    const found = await agentApi(openTransport(endpoint), endpoint.url).targets('host', selector, signal);
    return found.map(({ offers: _, ...target }): Target => {
      const identity = { ...target.identity, there: target.id, agent: endpoint };
      return { ...target, id: `${target.id}@${nameOf(endpoint)}`, identity };
    });
  });
  return (await Promise.all(each)).flat();
}

/** The address without its scheme. */
const nameOf = ({ url }: AgentEndpoint) => url.replace(/^[a-z]+:(\/\/)?/, '');

/** Ask the agent how a pinned target is. One that does not answer has not said that it is gone. */
export async function checkRemote({ endpoint, ref }: NonNullable<ReturnType<typeof remoteOf>>) {
  return agentApi(openTransport(endpoint), endpoint.url).check(ref);
}

/** Handles by the agent. */
export function attachRemote(
  { endpoint, ref }: NonNullable<ReturnType<typeof remoteOf>>,
  offers: readonly Capability[],
): Handles {
  const leaseMs = endpoint.lease === undefined ? undefined : parseDuration(endpoint.lease);
  const more = leaseMs === undefined ? {} : { leaseMs };
  return {
    agent: agentCapability(openTransport(endpoint), { name: nameOf(endpoint), target: { ref }, offers, ...more }),
  };
}
