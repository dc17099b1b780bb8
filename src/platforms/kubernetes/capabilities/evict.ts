import type { Eviction } from '../../../capabilities/pod.ts';
import type { Milliseconds } from '../../../core/model.ts';
import type { Client } from '../client.ts';
import { type ObjectIdentity, pathOf } from '../identity.ts';
import { budgetOf, isEnding, isMissing } from '../refusal.ts';
import { graceSeconds, isReplaced, refused } from './refused.ts';

/** One pod by its name and uid. */
export type PodName = Pick<ObjectIdentity, 'cluster' | 'kind' | 'namespace' | 'name' | 'uid'>;

/** Ask for the eviction of exactly this pod; what a disruption budget says is an answer, not an error. */
export async function evictPod(client: Client, pod: PodName, grace: Milliseconds | null): Promise<Eviction> {
  const { namespace, name, uid } = pod;
  const body = {
    apiVersion: 'policy/v1',
    kind: 'Eviction',
    metadata: { namespace, name },
    deleteOptions: { preconditions: { uid }, ...graceSeconds(grace) },
  };
  try {
    await client.call({ ...pathOf(pod, 'eviction'), method: 'POST', verb: 'create', body });
    return 'evicted';
  } catch (error) {
    if (isMissing(error) || isReplaced(error) || isEnding(error)) return 'gone';
    const words = budgetOf(error);
    if (words !== undefined) return { refused: words };
    throw refused(error, pod, 'evict');
  }
}
