import { setTimeout as sleep } from 'node:timers/promises';
import { isError, ZashikiError } from '../../../core/errors.ts';
import type { Transport } from '../../../remote/index.ts';
import type { Client } from '../client.ts';
import type { ObjectIdentity } from '../identity.ts';
import { goneNode } from '../refusal.ts';
import { lineTo } from './line.ts';
import { agentOn, isWithout, type Wanted } from './start.ts';

/** An agent that is not there (it begins to listen, or has ended) is asked again so often, after so long. */
const tries = 20;
const betweenMs = 500;

/** Agents that this process talks to, by cluster and node: finding one costs a call or more. */
const known = new WeakMap<Client, Map<string, Promise<ObjectIdentity>>>();

/** One for each agent: what is told to one agent again and again is told by one for all. */
const transports = new WeakMap<Client, Map<string, Transport>>();

/**
 * Questions to the agent on a node, by its command line in its pod, which runs while there is something to ask: whoever
 * may do that needs no certificates.
 * The agent is found, or started, when the first question is asked.
 */
export function agentTransport(client: Client, wanted: Wanted): Transport {
  const ofClient = transports.get(client) ?? new Map<string, Transport>();
  transports.set(client, ofClient);
  const key = `${keyOf(wanted)} ${wanted.image ?? ''}`;
  const transport = ofClient.get(key) ?? transportTo(client, wanted);
  ofClient.set(key, transport);
  return transport;
}

function transportTo(client: Client, wanted: Wanted): Transport {
  return async (path, body, signal) => {
    for (let attempt = 1; ; attempt++) {
      const pod = await podFor(client, wanted, signal);
      try {
        return await lineTo(client, pod)(path, body, signal);
      } catch (error) {
        forget(client, wanted);
        // Asking twice is as good as once: every question names the injection that it is about.
        if (!isError(error, 'peer-unavailable', 'target-gone')) throw error;
        // The pod of the agent is gone, not the target: without its node nobody can look, else another one comes.
        const isGone = isError(error, 'target-gone');
        if (isGone && (await isWithout(client, wanted.node))) throw goneNode(wanted.node);
        if (attempt === tries) throw isGone ? noAgent(wanted, error) : error;
        await sleep(betweenMs);
        signal?.throwIfAborted();
      }
    }
  };
}

const noAgent = ({ node }: Wanted, cause: Error) =>
  new ZashikiError('peer-unavailable', `no agent answers on the node ${node}: ${cause.message}`, { cause });

const keyOf = ({ node, namespace = '' }: Wanted) => `${node} ${namespace}`;

function podFor(client: Client, wanted: Wanted, signal: AbortSignal | undefined): Promise<ObjectIdentity> {
  const pods = known.get(client) ?? new Map<string, Promise<ObjectIdentity>>();
  known.set(client, pods);
  const before = pods.get(keyOf(wanted));
  if (before) return before;
  const finding = agentOn(client, wanted, signal).then(({ metadata: { namespace = '', name, uid } }) => ({
    cluster: client.cluster,
    kind: 'pod' as const,
    namespace,
    name,
    uid,
  }));
  pods.set(keyOf(wanted), finding);
  finding.catch(() => pods.delete(keyOf(wanted)));
  return finding;
}

const forget = (client: Client, wanted: Wanted): void => void known.get(client)?.delete(keyOf(wanted));
