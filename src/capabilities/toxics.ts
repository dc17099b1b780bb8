import type { JsonObject, Milliseconds } from '../core/model.ts';

/** One toxic on a proxy, in Toxiproxy's own words (v2.12). */
export type Toxic = {
  readonly name: string;
  readonly type: string;
  readonly stream: 'upstream' | 'downstream';
  /** Share of connections that it is on, 0..1. */
  readonly toxicity: number;
  readonly attributes: JsonObject;
};

/** The toxics of one proxy, of ours or of a Toxiproxy server. All calls throw `target-gone` when the proxy is gone. */
export interface ToxicsCapability {
  list(): Promise<readonly Toxic[]>;
  /** Add it, or set it as given when one of this name is there. `ttl`: our own server removes it then by itself. */
  put(toxic: Toxic, ttl: Milliseconds | null): Promise<void>;
  /** No error when it is not there. */
  remove(name: string): Promise<void>;
  enabled(): Promise<boolean>;
  /** `enabled: false` closes the listener and all connections. `ttl`: our own server enables it again by itself. */
  setEnabled(enabled: boolean, ttl: Milliseconds | null): Promise<void>;
  /** The address that clients connect to, e.g. `127.0.0.1:26379`, to measure through it. */
  address(): Promise<string>;
}
