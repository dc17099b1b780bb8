import { z } from 'zod';
import type { AgentTarget } from '../capabilities/agent.ts';
import type { JsonObject, TargetRef } from '../core/model.ts';

/*
 * What goes over the wire between a client and an agent. All of it is JSON; the agent validates what comes in, and answers
 * errors as `{ error: { code, message, hint } }`.
 */

const Json = z.json();
const Fields = z.record(z.string(), Json) as unknown as z.ZodType<JsonObject>;
/** It becomes a part of file names, tags and environment variables. */
const Name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,119}$/, 'must be letters, digits, ".", "_" and "-"');
const Span = z.number().int().min(0);

const Ref: z.ZodType<TargetRef> = z.object({
  platform: Name,
  id: z.string(),
  name: z.string(),
  identity: Fields,
  about: z.string().optional(),
});

const Meant: z.ZodType<AgentTarget> = z.union([
  z.strictObject({ ref: Ref }),
  z.strictObject({ platform: Name, selector: Fields }),
]);

/** Addresses that only the client can find out: those of the targets that match a selector of one of its platforms. */
const Found = z.strictObject({ platform: Name, selector: Fields, addresses: z.array(z.string()) });
export type FoundAddresses = z.output<typeof Found>;

const Named = z.strictObject({ run: Name, injection: Name });
/** A name of one injection of an agent: its run there, and which one in it. */
export type InjectionName = z.output<typeof Named>;

const order = { fault: Name, params: Fields };
const injection = {
  ...Named.shape,
  target: Ref,
  fault: Name,
  undo: Json,
  claims: z.array(z.string()).default([]),
  shares: z.string().optional(),
  note: z.string().optional(),
  ttl: Span.nullable(),
};

/** Longest and shortest lease that may be asked for, in milliseconds. */
export const leaseBounds = { least: 1000, most: 600_000 } as const;
const Lease = z.number().int().min(leaseBounds.least).max(leaseBounds.most);

/** The bodies of all requests, by path. */
export const requests = {
  '/v1/targets': z.strictObject({ platform: Name, selector: Fields }),
  '/v1/check': z.strictObject({ target: Ref }),
  '/v1/foresee': z.strictObject({ target: Meant, ...order, addresses: z.array(Found).default([]) }),
  '/v1/plan': z.strictObject({
    target: Meant,
    ...order,
    tag: Name,
    ttl: Span.nullable(),
    addresses: z.array(Found).default([]),
  }),
  '/v1/inject': z.strictObject({ ...injection, params: Fields, lease: Lease, addresses: z.array(Found).default([]) }),
  '/v1/observe': z.strictObject({ ...injection, params: Fields, addresses: z.array(Found).default([]) }),
  '/v1/recover': z.strictObject(injection),
  '/v1/verify': z.strictObject(injection),
  '/v1/lease': z.strictObject({ injections: z.array(Named).max(10_000), lease: Lease }),
} as const;

export type Path = keyof typeof requests;
export type RequestOf<P extends Path> = z.output<(typeof requests)[P]>;

/** The answer of an agent that needs to know addresses before it can go on. */
export type Wants = { readonly wants: { readonly platform: string; readonly selector: JsonObject } };
