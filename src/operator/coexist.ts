import type { Milliseconds } from '../core/model.ts';
import type { Client } from '../platforms/kubernetes/client.ts';
import { rest } from './watch.ts';

/** Chaos Mesh's own controller elects its leader under this name, in a namespace of its choice. */
const lockName = 'chaos-mesh';
const lockAnnotation = 'control-plane.alpha.kubernetes.io/leader';
const every: Milliseconds = 5000;

interface Lock {
  readonly metadata: { readonly namespace: string; readonly annotations?: Readonly<Record<string, string>> };
  readonly spec?: {
    readonly holderIdentity?: string;
    readonly renewTime?: string;
    readonly leaseDurationSeconds?: number;
  };
}

/** When a lock was renewed, and by whom; undefined when nobody holds it. */
export function renewalOf({ metadata, spec }: Lock): { readonly holder: string; readonly at: string } | undefined {
  if (spec?.holderIdentity && spec.renewTime) return { holder: spec.holderIdentity, at: spec.renewTime };
  try {
    const { holderIdentity, renewTime } = JSON.parse(metadata.annotations?.[lockAnnotation] ?? '{}') as Record<
      string,
      string
    >;
    return holderIdentity && renewTime ? { holder: holderIdentity, at: renewTime } : undefined;
  } catch {
    return undefined;
  }
}

/** Watches out for another controller of the same resources. */
export interface Neighbour {
  /** A sentence when Chaos Mesh's own controller is alive. */
  alive(): string | undefined;
}

/**
 * Look for the lock of Chaos Mesh's controller until `signal`. One that is renewed is alive; so is one whose renewal is
 * less than half a minute old at the first look. Resolves after the first look.
 */
export async function watchNeighbour(
  client: Client,
  namespaces: readonly string[] | undefined,
  signal: AbortSignal,
): Promise<Neighbour> {
  const known = new Map<string, { readonly at: string; readonly changed: Milliseconds }>();
  let said: string | undefined;
  const look = async () => {
    const now = performance.now();
    const query = { fieldSelector: `metadata.name=${lockName}` };
    const insides = namespaces?.map((name) => `/namespaces/${encodeURIComponent(name)}`) ?? [''];
    const places = insides.flatMap((inside) => [
      { path: `/apis/coordination.k8s.io/v1${inside}/leases`, resource: 'leases.coordination.k8s.io' },
      { path: `/api/v1${inside}/configmaps`, resource: 'configmaps' },
    ]);
    const found = (await Promise.all(places.map((place) => client.list<Lock>({ ...place, query, signal })))).flat();
    said = undefined;
    for (const lock of found) {
      const renewal = renewalOf(lock);
      if (!renewal) continue;
      const key = `${lock.metadata.namespace} ${renewal.holder}`;
      const before = known.get(key);
      const isFresh =
        before === undefined ? Math.abs(Date.now() - Date.parse(renewal.at)) < 30_000 : before.at !== renewal.at;
      const changed = isFresh ? now : (before?.changed ?? Number.NEGATIVE_INFINITY);
      known.set(key, { at: renewal.at, changed });
      if (now - changed < 30_000) {
        said = `Chaos Mesh's own controller (${renewal.holder}, namespace ${lock.metadata.namespace}) is alive and in charge of chaos-mesh.org: uninstall it first, or use kinds of zashiki.dev`;
      }
    }
  };
  await look();
  void (async () => {
    while (!signal.aborted) {
      await rest(every, signal);
      // A look that fails says nothing new.
      if (!signal.aborted) await look().catch(() => undefined);
    }
  })();
  return { alive: () => said };
}
