import type { Milliseconds } from '../core/model.ts';
import type { Clock } from '../core/ports.ts';
import type { Client } from '../platforms/kubernetes/client.ts';
import { isConflict, isMissing } from '../platforms/kubernetes/refusal.ts';
import { rest } from './watch.ts';

/** A Lease of Kubernetes, as far as it matters here. */
export interface Lease {
  readonly metadata: { readonly name: string; readonly namespace: string; readonly resourceVersion?: string };
  readonly spec?: {
    readonly holderIdentity?: string;
    readonly leaseDurationSeconds?: number;
    readonly acquireTime?: string;
    readonly renewTime?: string;
    readonly leaseTransitions?: number;
  };
}

/** A lease as it was seen first in this form: its age is counted by our own clock, so that clocks need not agree. */
export interface Seen {
  readonly form: string;
  readonly at: Milliseconds;
}

/** Its form: who holds it and when it was renewed. */
export const formOf = ({ spec }: Lease): string => `${spec?.holderIdentity ?? ''} ${spec?.renewTime ?? ''}`;

/** May `me` take it? Renew one's own, take one that nobody holds or that was not renewed for its whole duration. */
export function mayTake(lease: Lease, seen: Seen, me: string, mono: Milliseconds): boolean {
  const { holderIdentity = '', leaseDurationSeconds = 15 } = lease.spec ?? {};
  return holderIdentity === '' || holderIdentity === me || mono - seen.at >= leaseDurationSeconds * 1000;
}

/** The lease as `me` would write it. */
export function taken(lease: Lease, me: string, durationSeconds: number, now: Date): Lease {
  const { spec = {} } = lease;
  const renewTime = now.toISOString().replace('Z', '000Z');
  const isMine = spec.holderIdentity === me;
  return {
    ...lease,
    spec: {
      holderIdentity: me,
      leaseDurationSeconds: durationSeconds,
      acquireTime: isMine ? (spec.acquireTime ?? renewTime) : renewTime,
      renewTime,
      leaseTransitions: (spec.leaseTransitions ?? 0) + (isMine || spec.holderIdentity === undefined ? 0 : 1),
    },
  };
}

export interface LeaderOptions {
  readonly client: Client;
  readonly namespace: string;
  readonly name: string;
  readonly me: string;
  readonly clock: Clock;
  /** Defaults: 15 s, 10 s, 2 s. */
  readonly duration?: Milliseconds;
  readonly renewWithin?: Milliseconds;
  readonly retry?: Milliseconds;
  readonly say?: (message: string) => void;
}

/** Who leads, by a Lease. */
export interface Leadership {
  /** True as long as nobody else can have taken over. */
  leads(): boolean;
  /** Lead whenever it is our turn, until `signal`: `work` gets a signal that ends with the leadership. */
  run(work: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void>;
}

/** Take part in the election. */
export function openLeadership(options: LeaderOptions): Leadership {
  const { client, namespace, name, me, clock, say } = options;
  const { duration = 15_000, renewWithin = 10_000, retry = 2000 } = options;
  const path = `/apis/coordination.k8s.io/v1/namespaces/${encodeURIComponent(namespace)}/leases`;
  const asked = { resource: 'leases.coordination.k8s.io', namespace } as const;
  let renewed = Number.NEGATIVE_INFINITY;
  let seen: Seen = { form: '', at: Number.NEGATIVE_INFINITY };

  const read = () => client.call<Lease>({ ...asked, name, method: 'GET', verb: 'get', path: `${path}/${name}` });
  const write = (lease: Lease) =>
    lease.metadata.resourceVersion === undefined
      ? client.call<Lease>({ ...asked, method: 'POST', verb: 'create', path, body: lease })
      : client.call<Lease>({ ...asked, name, method: 'PUT', verb: 'update', path: `${path}/${name}`, body: lease });

  /** One attempt to take or keep it. Throws when nobody answers. */
  const attempt = async (): Promise<boolean> => {
    const from = clock.mono();
    const lease = await read().catch((error: unknown): Lease => {
      if (!isMissing(error)) throw error;
      return { metadata: { name, namespace } };
    });
    const form = formOf(lease);
    if (form !== seen.form) seen = { form, at: clock.mono() };
    const isNew = lease.metadata.resourceVersion === undefined;
    if (!isNew && !mayTake(lease, seen, me, clock.mono())) return false;
    try {
      const body = {
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        ...taken(lease, me, duration / 1000, new Date(clock.now())),
      };
      const mine = await write(body);
      seen = { form: formOf(mine), at: clock.mono() };
      // From before it was asked: the server may have counted from then.
      renewed = from;
      return true;
    } catch (error) {
      if (isConflict(error)) return false;
      throw error;
    }
  };
  const leads = () => clock.mono() - renewed < renewWithin;

  return {
    leads,
    async run(work, signal) {
      while (!signal.aborted) {
        const isOurs = await attempt().catch((error: Error) => {
          say?.(`the lease ${name} cannot be had: ${error.message}`);
          return false;
        });
        if (!isOurs) {
          await rest(retry, signal);
          continue;
        }
        say?.('leading');
        const over = new AbortController();
        const settled = new AbortController();
        const working = work(AbortSignal.any([signal, over.signal]))
          .catch((error: Error) => say?.(`stopped: ${error.message}`))
          .finally(() => settled.abort());
        // Also while it winds down: nobody else may begin before it has ended.
        while (!settled.signal.aborted) {
          await rest(retry, settled.signal);
          if (settled.signal.aborted || over.signal.aborted) continue;
          const kept = await attempt().catch(() => leads());
          if (!kept || !leads()) over.abort(new Error('another replica leads by now'));
        }
        await working;
        // Handed over, so that the next one need not wait.
        if (signal.aborted && leads()) await release(read, write, me);
        renewed = Number.NEGATIVE_INFINITY;
        if (!signal.aborted) say?.('leading no more');
      }
    },
  };
}

async function release(read: () => Promise<Lease>, write: (lease: Lease) => Promise<Lease>, me: string): Promise<void> {
  try {
    const lease = await read();
    if (lease.spec?.holderIdentity === me) await write({ ...lease, spec: { ...lease.spec, holderIdentity: '' } });
  } catch {
    // It runs out by itself.
  }
}
