import type { StatusCheck } from '../compat/chaos-mesh/document.ts';
import type { EpochMs } from '../core/model.ts';
import type { Api } from './api.ts';
import { documentsOf } from './chaos-mesh.ts';
import { afterCheck, type CheckStatus, look, nextCheck } from './check.ts';
import { plain, type Resource, type ResourceStatus } from './resource.ts';

export interface CheckPorts {
  readonly api: Api;
  readonly now: () => EpochMs;
  readonly signal: AbortSignal;
}

/** Ask the service when it is time, and write down what it said. Returns when to ask again. */
export async function reconcileStatusCheck(
  resource: Resource,
  { api, now, signal }: CheckPorts,
): Promise<EpochMs | undefined> {
  if (resource.metadata.deletionTimestamp) return undefined;
  const read = documentsOf(resource);
  if ('problems' in read) {
    api.event(resource, 'Warning', 'NotSupported', read.problems.join('; '));
    return undefined;
  }
  const { spec } = read.documents[0] as StatusCheck;
  const status = (resource.status ?? {}) as CheckStatus;
  const move = nextCheck(spec, status, now());
  if (move.do === 'end') return undefined;
  if (move.do === 'wait') return move.until;
  const at = now();
  const seen = await look(spec, at, signal);
  signal.throwIfAborted();
  const after = afterCheck(spec, status, seen, now());
  const saved = await api.saveStatus(resource, plain({ ...resource.status, ...after }) as ResourceStatus);
  if (after.completionTime !== undefined) api.event(saved, 'Normal', 'StatusCheckCompleted', 'Status check completed');
  const next = nextCheck(spec, after, now());
  return next.do === 'wait' ? next.until : undefined;
}
