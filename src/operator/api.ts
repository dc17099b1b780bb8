import { canonicalJson } from '../core/canonical.ts';
import { ZashikiError } from '../core/errors.ts';
import type { Client } from '../platforms/kubernetes/client.ts';
import { isConflict, isMissing } from '../platforms/kubernetes/refusal.ts';
import { type EventType, openEvents } from './events.ts';
import { type KindInfo, kindOf, pathOf, resourceName } from './kinds.ts';
import type { Injection } from './record.ts';
import { nameOf, type Resource, type ResourceMeta, type ResourceStatus } from './resource.ts';

/** What the operator does to its resources. */
export interface Api {
  /** The object as it is now; undefined when it is gone. */
  get(kind: KindInfo, namespace: string, name: string): Promise<Resource | undefined>;
  list(kind: KindInfo, namespace?: string, labelSelector?: string): Promise<readonly Resource[]>;
  create(kind: KindInfo, body: NewResource): Promise<Resource>;
  remove(resource: Resource): Promise<void>;
  /** Set annotations; null takes one away. */
  annotate(resource: Resource, annotations: Readonly<Record<string, string | null>>): Promise<Resource>;
  finalizers(resource: Resource, finalizers: readonly string[]): Promise<Resource>;
  /**
   * Write the status, if what we keep in it is still as `resource` has it. Throws `lock-busy` when somebody else has
   * written there, and when we lead no more.
   */
  saveStatus(resource: Resource, status: ResourceStatus): Promise<Resource>;
  /** Tell it as an event of the resource; does not wait, and what cannot be told is no error. */
  event(resource: Resource, type: EventType, reason: string, message: string): void;
  /** Keep on record what nobody could see to be as before. */
  unverified(resource: Resource, injections: readonly Injection[]): Promise<void>;
  /** Wait until all events are sent. */
  flush(): Promise<void>;
}

export type NewResource = Pick<Resource, 'apiVersion' | 'kind' | 'spec'> & {
  readonly metadata: Partial<ResourceMeta> & { readonly generateName?: string };
};

const mergePatch = 'application/merge-patch+json';

/** `own`: the namespace of the operator. */
export function openApi(client: Client, own: string, leads: () => boolean): Api {
  const events = openEvents(client);
  const at = ({ metadata, ...resource }: Resource, sub?: string) => {
    const kind = known(resource);
    const { namespace, name } = metadata;
    const resourceWithSub = sub ? `${resourceName(kind)}/${sub}` : resourceName(kind);
    return { path: pathOf(kind, namespace, name, sub), resource: resourceWithSub, namespace, name };
  };
  const api: Api = {
    async get(kind, namespace, name) {
      try {
        const path = pathOf(kind, namespace, name);
        return await client.call<Resource>({
          method: 'GET',
          verb: 'get',
          path,
          resource: resourceName(kind),
          namespace,
          name,
        });
      } catch (error) {
        if (isMissing(error)) return undefined;
        throw error;
      }
    },
    async list(kind, namespace, labelSelector) {
      const path = pathOf(kind, namespace);
      const items = await client.list<Resource>({
        path,
        resource: resourceName(kind),
        namespace,
        query: { labelSelector },
      });
      return items.map((item) => ({ ...item, apiVersion: `${kind.group}/${kind.version}`, kind: kind.kind }));
    },
    create: (kind, body) => {
      const { namespace } = body.metadata;
      const asked = { path: pathOf(kind, namespace), resource: resourceName(kind), namespace };
      return client.call<Resource>({ ...asked, method: 'POST', verb: 'create', body });
    },
    async remove(resource) {
      const body = { preconditions: { uid: resource.metadata.uid }, propagationPolicy: 'Background' };
      await client.call({ ...at(resource), method: 'DELETE', verb: 'delete', body }).catch(unlessMissing);
    },
    annotate: (resource, annotations) =>
      client.call<Resource>({
        ...at(resource),
        method: 'PATCH',
        verb: 'patch',
        type: mergePatch,
        body: { metadata: { annotations } },
      }),
    async finalizers(resource, finalizers) {
      if (!leads()) throw ledByAnother();
      const { uid, resourceVersion } = resource.metadata;
      const body = { metadata: { uid, resourceVersion, finalizers } };
      const call = { ...at(resource), method: 'PATCH', verb: 'patch', type: mergePatch, body } as const;
      return (await client.call<Resource>(call).catch(unlessMissing)) ?? resource;
    },
    async saveStatus(resource, status) {
      const kind = known(resource);
      const { namespace, name, uid } = resource.metadata;
      let { resourceVersion } = resource.metadata;
      for (let attempt = 1; ; attempt++) {
        if (!leads()) throw ledByAnother();
        const { apiVersion, metadata } = resource;
        const body = { apiVersion, kind: resource.kind, metadata: { ...metadata, resourceVersion }, status };
        try {
          return await client.call<Resource>({ ...at(resource, 'status'), method: 'PUT', verb: 'update', body });
        } catch (error) {
          if (!isConflict(error) || attempt === 5) throw error;
          const now = await api.get(kind, namespace, name);
          const isOurs = canonicalJson(now?.status?.zashiki) === canonicalJson(resource.status?.zashiki);
          if (!now || now.metadata.uid !== uid || !isOurs) throw written(resource);
          resourceVersion = now.metadata.resourceVersion;
        }
      }
    },
    event: (resource, type, reason, message) => events.tell(resource, type, reason, message),
    async unverified(resource, injections) {
      const lines = injections.map(({ fault, target, error }) => `${fault} on ${target.id}: ${error}`);
      const key = `${resource.kind}.${resource.metadata.namespace}.${resource.metadata.name}.${resource.metadata.uid.slice(0, 8)}`;
      const body = { metadata: { name: unverifiedName, namespace: own }, data: { [key]: lines.join('\n') } };
      const asked = { resource: 'configmaps', namespace: own, name: unverifiedName } as const;
      const path = `/api/v1/namespaces/${own}/configmaps`;
      await client
        .call({ ...asked, path: `${path}/${unverifiedName}`, method: 'PATCH', verb: 'patch', type: mergePatch, body })
        .catch((error: unknown) => {
          if (!isMissing(error)) throw error;
          return client.call({ ...asked, path, method: 'POST', verb: 'create', body });
        })
        .catch(() => undefined);
    },
    flush: () => events.flush(),
  };
  return api;
}

/** Keeps what was let go without having been seen to be as before. */
export const unverifiedName = 'zashiki-unverified';

const known = (resource: Pick<Resource, 'apiVersion' | 'kind'>): KindInfo => {
  const kind = kindOf(resource);
  if (!kind) throw new ZashikiError('internal', `${resource.apiVersion} ${resource.kind} is no kind of ours`);
  return kind;
};

function unlessMissing(error: unknown): undefined {
  if (!isMissing(error)) throw error;
  return undefined;
}

const ledByAnother = () => new ZashikiError('lock-busy', 'another replica leads by now');
const written = (resource: Resource) =>
  new ZashikiError('lock-busy', `the status of ${nameOf(resource)} was written by somebody else meanwhile`);
