import { createHash } from 'node:crypto';
import type { Client } from '../platforms/kubernetes/client.ts';
import type { Resource } from './resource.ts';

export type EventType = 'Normal' | 'Warning';

/** Events of Kubernetes: one that was told before is counted, not told again. */
export interface EventTeller {
  tell(resource: Resource, type: EventType, reason: string, message: string): void;
  flush(): Promise<void>;
}

interface Told {
  readonly name: string;
  readonly first: string;
  readonly count: number;
}

/** So many different events are remembered, and so many wait to be sent; more are dropped, the newest first. */
const most = 2000;

/** Tell events one after another, beside what is done. */
export function openEvents(client: Client): EventTeller {
  const known = new Map<string, Told>();
  let waiting = 0;
  let sending: Promise<unknown> = Promise.resolve();
  return {
    tell(resource, type, reason, message) {
      const { namespace, name, uid, resourceVersion } = resource.metadata;
      const text = message.slice(0, 1000);
      const key = createHash('sha256').update([uid, type, reason, text].join('\n')).digest('hex').slice(0, 16);
      const now = new Date().toISOString().replace(/\.\d+Z$/, 'Z');
      const before = known.get(key);
      const told = {
        name: `${name.slice(0, 200)}.${key}`,
        first: before?.first ?? now,
        count: (before?.count ?? 0) + 1,
      };
      known.delete(key);
      known.set(key, told);
      for (const old of known.keys()) {
        if (known.size <= most) break;
        known.delete(old);
      }
      if (waiting >= most) return;
      waiting++;
      const body = {
        metadata: { name: told.name, namespace },
        involvedObject: { apiVersion: resource.apiVersion, kind: resource.kind, namespace, name, uid, resourceVersion },
        type,
        reason,
        message: text,
        source: { component: 'zashiki-operator' },
        reportingComponent: 'zashiki-operator',
        reportingInstance: process.env.POD_NAME ?? 'zashiki-operator',
        firstTimestamp: told.first,
        lastTimestamp: now,
        count: told.count,
      };
      const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/events`;
      const asked = { resource: 'events', namespace } as const;
      const create = () => client.call({ ...asked, method: 'POST', verb: 'create', path, body });
      const patch = () =>
        client.call({
          ...asked,
          method: 'PATCH',
          verb: 'patch',
          path: `${path}/${told.name}`,
          type: 'application/merge-patch+json',
          body: { count: told.count, lastTimestamp: now },
        });
      // An event has no standing: a namespace that is being deleted takes none, and that must hold up nothing.
      sending = sending
        .then(() => (told.count > 1 ? patch().catch(create) : create().catch(patch)))
        .catch(() => undefined)
        .then(() => {
          waiting--;
        });
    },
    flush: async () => void (await sending),
  };
}
