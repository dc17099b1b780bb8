import type { Client } from '../../platforms/kubernetes/client.ts';
import { isProtected } from '../../platforms/kubernetes/protect.ts';
import { documentsOf } from '../chaos-mesh.ts';
import { kindOf } from '../kinds.ts';
import { readOwn } from '../own.ts';
import type { Resource } from '../resource.ts';
import { type Affected, affectedBy } from './affected.ts';

/** What the API server asks, as far as it matters here. */
export interface AdmissionRequest {
  readonly uid: string;
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';
  readonly namespace?: string;
  readonly object?: Resource | null;
  readonly oldObject?: Resource | null;
  readonly userInfo: UserInfo;
  readonly dryRun?: boolean;
}

export interface UserInfo {
  readonly username?: string;
  readonly uid?: string;
  readonly groups?: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

export interface Judgement {
  readonly allowed: boolean;
  readonly message?: string;
  /** Shown by kubectl. */
  readonly warnings?: readonly string[];
}

export interface JudgePorts {
  /** May this user create resources of this kind there? */
  readonly mayCreate: (user: UserInfo, affected: Affected) => Promise<boolean>;
  /** Namespaces that are never hit: names, or `re2:` and a regular expression. */
  readonly protectedNamespaces: readonly string[];
  /** The service accounts of the operator itself: what they make was allowed when it was asked for. */
  readonly isOurs: (user: UserInfo) => boolean;
  /** Only these namespaces are acted on; absent: all. */
  readonly namespaces?: readonly string[] | undefined;
  readonly stopped: () => string | undefined;
}

/** May this resource be there? What is wrong is told with its place and the fix, all at once. */
export async function judge(request: AdmissionRequest, ports: JudgePorts): Promise<Judgement> {
  const { object, userInfo } = request;
  if (!object || (request.operation !== 'CREATE' && request.operation !== 'UPDATE')) return { allowed: true };
  // Whoever is being deleted must be able to go.
  if (object.metadata.deletionTimestamp) return { allowed: true };
  const namespace = object.metadata.namespace ?? request.namespace ?? 'default';
  const resource: Resource = { ...object, metadata: { ...object.metadata, namespace } };
  if (!kindOf(resource)) return { allowed: true };
  const read = resource.apiVersion.startsWith('zashiki.dev/') ? await readOwn(resource) : readChaosMesh(resource);
  if ('problems' in read) return { allowed: false, message: read.problems.join('\n') };
  if (ports.isOurs(userInfo)) return { allowed: true };
  for (const { namespace: place } of read.affected) {
    if (place !== null && isProtected(place, ports.protectedNamespaces)) {
      return { allowed: false, message: `the namespace ${place} is protected: nothing in it may be hit` };
    }
    if (ports.namespaces && (place === null || !ports.namespaces.includes(place))) {
      return {
        allowed: false,
        message: `${place === null ? 'the whole cluster' : `the namespace ${place}`} is out of reach: this operator works in ${ports.namespaces.join(', ')} only`,
      };
    }
  }
  const user = userInfo.username ?? '';
  for (const affected of read.affected) {
    if (await ports.mayCreate(userInfo, affected)) continue;
    const place = affected.namespace === null ? 'cluster' : `namespace ${affected.namespace}`;
    return { allowed: false, message: `${user} is forbidden on ${place}` };
  }
  const stopped = ports.stopped();
  const warnings = stopped === undefined ? [] : [`the stop lever is pulled, so nothing is done for now: ${stopped}`];
  return { allowed: true, warnings: [...warnings, ...(read.warnings ?? [])] };
}

function readChaosMesh(resource: Resource) {
  const read = documentsOf(resource);
  if ('problems' in read) return read;
  return { affected: affectedBy(read.documents), warnings: read.notes };
}

/** Ask the API server who may do what. */
export function accessBy(client: Client): JudgePorts['mayCreate'] {
  return async ({ username: user, groups, uid, extra }, { kind, namespace }) => {
    const [resource, subresource] = kind.plural.split('/');
    const resourceAttributes = {
      verb: 'create',
      group: kind.group,
      version: kind.version,
      resource,
      ...(subresource ? { subresource } : {}),
      ...(namespace === null ? {} : { namespace }),
    };
    const answer = await client.call<{ status?: { allowed?: boolean } }>({
      method: 'POST',
      verb: 'create',
      resource: 'subjectaccessreviews.authorization.k8s.io',
      path: '/apis/authorization.k8s.io/v1/subjectaccessreviews',
      body: {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SubjectAccessReview',
        spec: { user, groups, uid, extra, resourceAttributes },
      },
    });
    return answer.status?.allowed === true;
  };
}
