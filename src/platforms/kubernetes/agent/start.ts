import { setTimeout as sleep } from 'node:timers/promises';
import { isError, ZashikiError } from '../../../core/errors.ts';
import type { Client } from '../client.ts';
import { collectionOf, pathOf } from '../identity.ts';
import { namespaceAt } from '../look.ts';
import { goneNode, isConflict, isMissing, Refusal } from '../refusal.ts';
import type { Meta, Pod } from '../types.ts';
import { agentJob, agentLabels, jobName, usualImage } from './pod-spec.ts';

/** The agent that is wanted on one node. */
export interface Wanted {
  readonly node: string;
  readonly image?: string | undefined;
  readonly namespace?: string | undefined;
}

/** Where an agent is installed, and where one is started when this namespace is there. */
const usualNamespace = 'zashiki';
/** Longer than it takes to pull an image. */
const patience = 120_000;
/** An agent that has ended so often, one start soon after the other, is not waited for. */
export const hopeless = 3;

interface Job {
  readonly metadata: Meta;
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

/**
 * A pod with a running agent on the node: the installed one, or else one that is started now and ends by itself when it
 * is not needed any more. Throws `not-supported` when it does not come up, `permission-missing` when it may not be made.
 */
export async function agentOn(client: Client, wanted: Wanted, signal?: AbortSignal): Promise<Pod> {
  const namespace = await namespaceFor(client, wanted);
  const until = performance.now() + patience;
  let last: string | undefined;
  for (;;) {
    signal?.throwIfAborted();
    const found = await podsOn(client, wanted.node, namespace, signal);
    const running = found.find(isRunning);
    if (running) return running;
    const waiting = found.map(whyNot).find((why) => why !== undefined);
    last = waiting ?? last;
    if (waiting && /^(ErrImage|ImagePull|InvalidImage|CreateContainer)/.test(waiting)) {
      if (/BackOff|Invalid|CreateContainer/.test(waiting)) throw notUp(wanted, namespace, waiting);
    }
    if (found.some(isHopeless)) throw notUp(wanted, namespace, last ?? 'it ends at once');
    if (found.length === 0) {
      if (await isWithout(client, wanted.node)) throw goneNode(wanted.node);
      await makeJob(client, wanted, namespace);
    }
    if (performance.now() > until) {
      const why = last ?? (await lastWords(client, wanted.node, namespace)) ?? 'it was not made';
      throw notUp(wanted, namespace, why);
    }
    await sleep(300, undefined, signal ? { signal } : {}).catch(() => signal?.throwIfAborted());
  }
}

/** The running agent on the node, if there is one; nothing is started. */
export async function agentThere(client: Client, wanted: Wanted, signal?: AbortSignal): Promise<Pod | undefined> {
  return (await podsOn(client, wanted.node, await namespaceFor(client, wanted), signal)).find(isRunning);
}

/** The one that is wanted, or where this process was told that they are: its rights may end there. */
async function namespaceFor(client: Client, { namespace }: Wanted): Promise<string> {
  const told = namespace ?? (process.env.ZASHIKI_AGENT_NAMESPACE || undefined);
  if (told !== undefined) return told;
  return (await namespaceAt(client, usualNamespace)) ? usualNamespace : 'default';
}

async function podsOn(client: Client, node: string, namespace: string, signal: AbortSignal | undefined) {
  const { path, resource } = collectionOf('pod', namespace);
  const labelSelector = Object.entries(agentLabels)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
  const query = { labelSelector, fieldSelector: `spec.nodeName=${node}` };
  const found = await client.list<Pod>({ path, resource, namespace, query, signal });
  return found.filter(
    ({ metadata, status }) =>
      metadata.deletionTimestamp === undefined && status?.phase !== 'Succeeded' && status?.phase !== 'Failed',
  );
}

/** Has the node left? False too when we may not look: it is not known to be gone then. */
export async function isWithout(client: Client, name: string): Promise<boolean> {
  try {
    await client.call({ ...pathOf({ kind: 'node', namespace: '', name }), method: 'GET', verb: 'get' });
    return false;
  } catch (error) {
    if (isMissing(error)) return true;
    if (isError(error, 'permission-missing')) return false;
    throw error;
  }
}

const agentOf = ({ status }: Pod) => status?.containerStatuses?.find(({ name }) => name === 'agent');
const isRunning = (pod: Pod): boolean => agentOf(pod)?.state?.running !== undefined;

function isHopeless(pod: Pod): boolean {
  const { state, restartCount = 0 } = agentOf(pod) ?? {};
  return state?.waiting?.reason === 'CrashLoopBackOff' && restartCount >= hopeless;
}

function whyNot(pod: Pod): string | undefined {
  const { state, lastState } = agentOf(pod) ?? {};
  const { waiting } = state ?? {};
  if (!waiting?.reason) return undefined;
  const ended = lastState?.terminated;
  const how = ended ? `; it ended with exit code ${ended.exitCode}${ended.reason ? ` (${ended.reason})` : ''}` : '';
  return `${waiting.reason}${waiting.message ? `: ${waiting.message}` : ''}${how}`;
}

/** Unless there is one: whoever started it, it is the same. One that has ended is about to be removed by the cluster. */
async function makeJob(client: Client, { node, image = usualImage() }: Wanted, namespace: string): Promise<void> {
  const place = { path: `/apis/batch/v1/namespaces/${namespace}/jobs`, resource: 'jobs.batch', namespace };
  const name = jobName(node);
  try {
    await client.call({ ...place, method: 'POST', verb: 'create', body: agentJob(node, image, namespace) });
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    if (!isConflict(error)) {
      throw new ZashikiError('not-supported', `the cluster does not take an agent in ${namespace}: ${error.message}`, {
        hint: 'name another namespace by `agentNamespace`, or install the agent',
        cause: error,
      });
    }
    const one = { ...place, path: `${place.path}/${name}`, name };
    const job = await client.call<Job>({ ...one, method: 'GET', verb: 'get' }).catch(missing);
    const ended = job?.status?.conditions?.some(
      ({ type, status }) => /Complete|Failed/.test(type) && status === 'True',
    );
    if (!ended) return;
    const body = { propagationPolicy: 'Background', preconditions: { uid: job?.metadata.uid } };
    await client.call({ ...one, method: 'DELETE', verb: 'delete', body }).catch(missing);
  }
}

function missing(error: unknown): undefined {
  if (isMissing(error) || isConflict(error)) return undefined;
  throw error;
}

/** What the cluster has to say of a Job whose pod is not made, e.g. a policy that forbids it. */
async function lastWords(client: Client, node: string, namespace: string): Promise<string | undefined> {
  const events = await client
    .list<{ readonly message?: string; readonly type?: string }>({
      path: `/api/v1/namespaces/${namespace}/events`,
      resource: 'events',
      namespace,
      query: { fieldSelector: `involvedObject.name=${jobName(node)}` },
    })
    .catch(() => []);
  return events.filter(({ type }) => type === 'Warning').at(-1)?.message;
}

const notUp = ({ node, image = usualImage() }: Wanted, namespace: string, why: string) =>
  new ZashikiError(
    'not-supported',
    `no agent runs on the node ${node} (image ${image}, namespace ${namespace}): ${why}`,
    {
      hint: 'name an image that the node can pull by `agentImage`, a namespace that allows it by `agentNamespace`, or install the agent',
    },
  );
