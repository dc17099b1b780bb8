import { setTimeout as sleep } from 'node:timers/promises';
import { type ErrorCode, isError } from '../core/errors.ts';
import type { Json, JsonObject, Milliseconds, Target, TargetRef } from '../core/model.ts';
import { errorIn } from './errors.ts';
import type { Transport } from './transport.ts';
import type { InjectionName } from './wire.ts';

/** A target of an agent's, and the capabilities that it offers there. */
export type AgentsTarget = Target & { readonly offers: readonly string[] };

/** What else an agent answers to than the verbs of faults. All calls throw like AgentCapability. */
export interface AgentApi {
  targets(platform: string, selector: JsonObject, signal?: AbortSignal): Promise<readonly AgentsTarget[]>;
  check(target: TargetRef): Promise<{
    readonly state: 'same' | 'gone';
    readonly spared: string | null;
    readonly addresses: readonly string[];
  }>;
  /** Renew for `lease` ms, at most 10 minutes; returns those that are still on. */
  lease(
    injections: readonly InjectionName[],
    lease: Milliseconds,
    signal?: AbortSignal,
  ): Promise<readonly InjectionName[]>;
  status(): Promise<JsonObject>;
}

/** Pauses between tries of a call that found nobody: an agent that was restarted is back soon. */
const pauses: readonly Milliseconds[] = [200, 1000, 2500];

/**
 * Ask an agent. All its calls are idempotent, so one that got no answer is made again. `own`: what becomes of the
 * agent's own refusals (a full disk there, say).
 */
export async function call(
  transport: Transport,
  agent: string,
  path: string,
  body: JsonObject | null,
  options: { readonly signal?: AbortSignal | undefined; readonly own?: ErrorCode; readonly tries?: number } = {},
): Promise<Json> {
  const { signal, own = 'inject-failed', tries = pauses.length + 1 } = options;
  for (let attempt = 1; ; attempt++) {
    try {
      const answer = await transport(path, body, signal);
      if (answer.status === 200) return answer.body;
      throw errorIn(answer.status, answer.body, agent, own);
    } catch (error) {
      const pause = pauses[attempt - 1];
      if (!isError(error, 'peer-unavailable') || !isUnreached(error.cause) || attempt >= tries || !pause) throw error;
      await sleep(pause, undefined, signal ? { signal } : {});
    }
  }
}

/** Nobody was there, or the line broke. */
const isUnreached = (cause: unknown) =>
  ['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ENOENT'].includes(String((cause as { code?: unknown } | undefined)?.code));

/** Open the API of an agent; `name` is for messages. */
export function agentApi(transport: Transport, name: string): AgentApi {
  const ask = <T>(path: string, body: JsonObject | null, signal?: AbortSignal) =>
    call(transport, name, path, body, { signal, own: 'peer-unavailable' }) as Promise<T>;
  return {
    async targets(platform, selector, signal) {
      const answer = await ask<{ targets: readonly AgentsTarget[] }>('/v1/targets', { platform, selector }, signal);
      return answer.targets;
    },
    check: (target) => ask('/v1/check', { target: plainRef(target) }),
    async lease(injections, lease, signal) {
      const named = injections.map(({ run, injection }) => ({ run, injection }));
      const body = { injections: named, lease };
      const { on } = (await call(transport, name, '/v1/lease', body, { tries: 1, signal })) as unknown as {
        on: readonly InjectionName[];
      };
      return on;
    },
    status: () => ask('/v1/status', null),
  };
}

/** A target without what is only for people. */
export const plainRef = ({ platform, id, name, identity }: TargetRef): JsonObject => ({ platform, id, name, identity });
