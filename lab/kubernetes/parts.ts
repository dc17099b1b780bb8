import type { Api } from './api.ts';
import type { Pki } from './pki.ts';
import type { Net, Place } from './place.ts';

/** What all parts of a cluster are started with. */
export interface Parts {
  readonly place: Place;
  readonly net: Net;
  readonly pki: Pki;
  /** Folder of the programs kube-apiserver, kubelet … */
  readonly programs: string;
  readonly api: Api;
  readonly signal: AbortSignal;
}
