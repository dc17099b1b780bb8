import type { EpochMs, Milliseconds } from '../core/model.ts';
import type { Budget } from './budget.ts';

/** How an installation is set up: flags of `zashiki operator`. */
export interface OperatorSettings {
  /** Its own namespace: lease, stop lever, certificates. */
  readonly namespace: string;
  /** Only resources of these namespaces, and only pods in them. Absent: the whole cluster. */
  readonly namespaces?: readonly string[] | undefined;
  /** This replica. */
  readonly name: string;
  readonly pauseImage?: string | undefined;
  readonly optIn: boolean;
  readonly budget?: Budget | undefined;
  readonly patience: Milliseconds;
  /** How long what is on is held on while its resource cannot be read. */
  readonly trust?: Milliseconds | undefined;
  /** Where the webhook listens; absent: nowhere. */
  readonly webhook?: { readonly host: string; readonly port: number } | undefined;
  /** A folder that need not outlive the process. */
  readonly state: string;
  readonly lease: { readonly duration: Milliseconds; readonly renewWithin: Milliseconds; readonly retry: Milliseconds };
}

/** The stop lever: while this ConfigMap is there, nothing is on. */
export const leverName = 'zashiki-stop';
export const leaseName = 'zashiki-operator';

/** What a ConfigMap of that name says. */
export function leverReason(data: Readonly<Record<string, string>> | undefined, since?: EpochMs): string {
  const { reason, by } = data ?? {};
  const when = since === undefined ? '' : ` since ${new Date(since).toISOString()}`;
  return `${reason ?? 'no reason given'}${by ? ` (${by})` : ''}${when}`;
}
